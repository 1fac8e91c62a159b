"""Agents: what drives a model inside a trial's container, and the controls that need no model."""
