"""Audits: the same questions under interventions, against the plain run (docs/audit.md)."""
