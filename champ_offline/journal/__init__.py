"""What was begun, how far it came, how it ended: the record that recovery reads (FORMAT.md)."""
