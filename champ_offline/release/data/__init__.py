"""What releases keep: saved out of their pods into the zone's store, and brought back."""
