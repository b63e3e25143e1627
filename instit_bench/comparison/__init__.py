"""Compare runs: what may be compared, what differs, and whether a policy holds."""
