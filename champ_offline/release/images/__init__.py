"""Every image an app speaks of, wherever it does, held to one digest of its bundle."""
