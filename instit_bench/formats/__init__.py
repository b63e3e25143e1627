"""Other programs' files: each is read and written in one place."""
