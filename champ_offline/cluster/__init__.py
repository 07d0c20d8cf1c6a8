"""Kubernetes behind one interface: what is there, how it is doing, what a change would do."""
