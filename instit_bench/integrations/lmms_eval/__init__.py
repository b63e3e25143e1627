"""Code that runs inside lmms-eval: our tasks' records, values and judging."""
