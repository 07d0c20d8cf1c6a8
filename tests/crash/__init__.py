"""What a kill at any durable step leaves behind."""
