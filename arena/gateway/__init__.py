"""The gateway: agents that are programs of their own reach their trial's backend through it."""
