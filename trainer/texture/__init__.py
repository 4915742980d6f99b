"""From a photo to the body's texture: UV maps, sampling, small gaps, outlines (Sec. 3.1, 3.2, 3.5)."""
