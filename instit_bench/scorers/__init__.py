"""Turn predictions into scores. Scorers depend on ``types`` alone."""
