"""Uncertainty of metrics."""
