"""Task plugins: finding them, reading their YAML, and the Task they make."""
