"""What a window is made of: the view, the picture on the screen, text over it, the background."""
