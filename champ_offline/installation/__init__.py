"""The program itself on a host: versions side by side, one of them current, a way back.

See FORMAT.md. Invariant: `current` leads to a whole version that has started on this host, at every
moment from the first installation on.
"""
