"""Task plugins: discover them, read their YAML, and build ``Task`` objects."""
