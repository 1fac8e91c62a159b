"""Agents: the scaffolds that drive a model, and the controls that need none."""
