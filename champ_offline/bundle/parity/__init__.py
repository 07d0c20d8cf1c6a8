"""Parity: what a bundle carries beside its volumes so that bad sectors can be calculated back.

Invariant: parity is a hint. Nothing here decides what is right: whoever reads healed bytes checks
them against signed digests as always, and a parity file of any content costs bounded memory and
time. The format is FORMAT.md, "Parity"; the reasons are adr/0014.
"""
