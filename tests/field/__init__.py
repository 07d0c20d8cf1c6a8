"""What the field does to media, disks and clocks, done for real, to the real command."""
