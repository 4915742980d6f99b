"""Skin, faces, eyes, nails: what is painted on the body itself."""
