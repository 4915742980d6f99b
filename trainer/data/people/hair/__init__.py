"""Hair and beards: haircuts, the locks they are made of, their colours."""
