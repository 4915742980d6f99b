"""Engines that run the renderer network on a GPU, each in a file of its own."""
