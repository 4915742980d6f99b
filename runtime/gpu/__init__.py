"""The renderer on CUDA: kernels, one graph for each frame, networks, pictures straight into the window."""
