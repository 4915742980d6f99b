"""Skinning, rasterizing and sampling on the CPU (numba). Imported only when the CPU renderer is asked for."""
