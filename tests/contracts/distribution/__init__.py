"""What distribution-spec 1.1 asks of a registry, one test for each requirement."""
