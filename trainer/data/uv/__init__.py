"""The front-cut UV of a body: seams, charts, flattening, packing."""
