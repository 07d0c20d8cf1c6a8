"""What is kept of releases: their history, what it tells people, what it hides, how long."""
