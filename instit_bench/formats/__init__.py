"""Other programs' files, read and written in one place each."""
