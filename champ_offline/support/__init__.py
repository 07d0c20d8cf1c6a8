"""What somebody who helps needs to see of a zone and its clusters, and nothing that is secret."""
