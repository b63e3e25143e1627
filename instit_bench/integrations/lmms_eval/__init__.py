"""What works inside lmms-eval: our tasks' records, values and judging."""
