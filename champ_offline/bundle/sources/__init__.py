"""Where images come from on the connected side: one module a kind of source."""
