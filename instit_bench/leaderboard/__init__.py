"""The leaderboard: one row per model, from runs and from published tables."""
