"""Tasks from the history of a git repository: its fixes, with the tests that came with them."""
