"""Why two runs that should agree do not: each changed sample's cause, with its evidence."""
