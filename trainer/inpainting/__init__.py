"""Completing the texture of one photo by diffusion in the latents of the autoencoder (Sec. 3.3, 3.4)."""
