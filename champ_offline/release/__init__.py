"""From a request to a reviewed plan to a release in the cluster, and back (start at plan.py)."""
