"""Code that runs inside other programs."""
