"""Score tool calls in the GPT4Tools format: official and strict."""
