"""What may be changed without a person: rules written down beforehand, and runs that keep them."""
