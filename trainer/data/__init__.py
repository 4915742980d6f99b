"""Data sources: the open body and the people that wear clothes on it."""
