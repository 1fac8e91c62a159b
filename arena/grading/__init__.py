"""Hidden tests run on a patched tree in a fresh container, and what their claims are worth."""
