"""Model endpoints: what each provider wants, one client for all; every call limited and metered."""
