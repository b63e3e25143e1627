"""Making new GPT4Tools items: captions to instructions, instructions to items, items to splits."""
