"""Models registered in lmms-eval: one is loaded in a child process and asked in batches."""
