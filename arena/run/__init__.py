"""A bake-off: its plan, its workers, and each trial from a fresh container to a record."""
