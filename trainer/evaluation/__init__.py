"""How good avatars are: on views that they were not made from."""
