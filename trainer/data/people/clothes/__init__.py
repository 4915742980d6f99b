"""Garments and shoes: cut from the body or lofted around it, hung, hemmed, painted, put together."""
