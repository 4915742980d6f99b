"""What cloth looks like: where a point lies on a garment, patterns, weaves, prints, colours."""
