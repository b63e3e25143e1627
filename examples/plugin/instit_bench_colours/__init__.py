"""An example plugin for instit-bench: naming the colour of an image."""
