"""vLLM on this machine: a server started, watched and ended by the run."""
