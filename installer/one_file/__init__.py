"""Makes `champ` for hosts with nothing on them: a folder, and the one file that unpacks it.

Used when building (`make dist`), never carried: build.spec leaves this package out. Invariant: the
same source on the same machine gives the same bytes, whatever folder it lies in.
"""
