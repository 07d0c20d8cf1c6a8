"""A whole site as one document, and one ordered plan that makes a zone so (FORMAT.md)."""
