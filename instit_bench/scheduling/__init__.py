"""When each request goes, and to whom: one engine or many."""
