"""Bundles: from a recipe and its lock to signed volumes on media, and from media into a store."""
