"""A bake-off: from a configuration to trials, and from trials to a ledger."""
