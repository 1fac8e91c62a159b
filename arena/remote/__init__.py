"""Trials on other machines: what a node does, and what the run does for its nodes."""
