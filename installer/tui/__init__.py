"""The terminal UI: a skin over the same calls as the command line's verbs, and nothing below."""
