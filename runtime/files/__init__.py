"""Files: what an avatar file holds, read without trust; and files written whole or not at all."""
