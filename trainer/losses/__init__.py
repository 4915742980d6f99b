"""What training minimizes: Eq. 4 and the perceptual distance in it."""
