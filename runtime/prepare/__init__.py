"""What every renderer draws: the avatar laid out for kernels, and what the host decides for each frame."""
