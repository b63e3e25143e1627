"""vLLM on this machine: a server of the run's own, started, watched and ended with it."""
