"""Synthetic people: who they are, what they wear, and pictures of them with everything known about them."""
