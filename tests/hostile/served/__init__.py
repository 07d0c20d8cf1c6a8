"""Hostile clients of the served registry: raw bytes over real sockets, slow ones, too many."""
