"""A plan becomes a release: its steps, how each is undone, and what a break left behind."""
