"""One row a model, from runs and from published tables."""
