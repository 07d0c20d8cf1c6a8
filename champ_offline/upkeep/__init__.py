"""Keeping a zone's store sound and small: checks, collections, bundles that are wanted no more."""
