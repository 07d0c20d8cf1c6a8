"""Zones whose nodes pull from a registry that the site runs: push there, hold plans to it."""
