"""What runs inside other programs."""
