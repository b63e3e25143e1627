"""The task: its YAML file, functions and data."""
