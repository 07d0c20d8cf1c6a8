"""What runs, compared with the sealed revision that should: objects, Helm's record, images."""
