"""A node of a cluster, seen from itself: how it finds the zone's registry, and whether it does.

Invariant: nothing here needs a zone's folder; what is looked at is only read, and what is written
is a mirror file with its authority.
"""
