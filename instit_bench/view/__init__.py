"""``instit-bench view``: runs in the browser while they go on."""
