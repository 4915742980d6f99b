"""How near pictures are, in numbers that need no downloads."""
