"""Judges: models that score open-ended answers, with caching, rate limits and budgets."""
