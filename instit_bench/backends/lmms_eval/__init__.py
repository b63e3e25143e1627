"""lmms-eval models: one is loaded in a child process and called in batches."""
