"""Executors: where trials run side by side."""
