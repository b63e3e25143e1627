"""From predictions to scores; scorers import types and nothing else of ours."""
