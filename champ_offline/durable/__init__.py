"""What survives a power cut: the durable write, locks, the zone's database; typed YAML files."""
