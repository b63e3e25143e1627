"""Multiple choice: the official and the strict way to read the chosen letter."""
