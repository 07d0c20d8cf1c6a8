"""The content-addressed store: immutable blob files, and the names that lead to them."""
