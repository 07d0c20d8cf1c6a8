"""What a field engineer hands over: all that was done in a zone within a period, as one value."""
