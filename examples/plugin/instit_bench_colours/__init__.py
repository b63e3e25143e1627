"""An example plugin of instit-bench: naming the colour of an image."""
