"""The rasterizer R of Eq. 3 in torch: on the processor, and through nvdiffrast."""
