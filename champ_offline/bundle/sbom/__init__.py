"""Software bills of materials: which packages lie in an image, as CycloneDX JSON (FORMAT.md).

Invariant: the packer alone needs the generator; what a zone reads are documents of bounded size
that the bundle's signatures vouch for.
"""
