"""What the screens are made of; all of it can be used by keys alone and without colour."""
