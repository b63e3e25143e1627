"""Runs side by side: what may be compared, what differs, and what a gate says of it."""
