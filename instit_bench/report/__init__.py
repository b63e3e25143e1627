"""Self-contained HTML pages: the report of runs and the leaderboard."""
