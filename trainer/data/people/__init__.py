"""People on the open body: skin, face, hair, clothes, and the light that is baked on them."""
