"""lmms-eval's sample logs and results files, read and written."""
