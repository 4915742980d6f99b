"""What the renderer network reads: names and bytes of its channels, and which sizes it takes.

All who draw for a network, train one, export one or run one keep to this. Pixels are bytes, channels last, in
the order of `RASTER_CHANNELS`:

    gen       16 channels, round(127.5 (1 + g)) of the texture's g, limited to [-1, 1]
    rgb       3 channels (red, green, blue), sRGB bytes
    smp, fill, coverage   0 or 255 (between them where sampling blends)

A pixel that the body does not cover is 0 in every channel, gen as well. Height and width are multiples of
`MULTIPLE`. The network itself, in ONNX, takes float32 `raster` [1, 22, H, W] = bytes / 255.
"""

from __future__ import annotations

GEN_CHANNELS = 16
RASTER_CHANNELS: tuple[str, ...] = (
    *(f"gen{i}" for i in range(GEN_CHANNELS)),
    *("red", "green", "blue", "smp", "fill", "coverage"),
)
"""Names of the network's input channels: the texture of DINAR Eq. 2, rasterized, and the body's coverage."""

CHANNELS = len(RASTER_CHANNELS)
"""How many they are: 22."""

MULTIPLE = 32
"""Both sides of a picture are multiples of it, so that every level of the network has whole pixels."""
