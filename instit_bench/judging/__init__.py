"""Judges: models that score open-ended answers, and what keeps their calls few, fair and paid."""
