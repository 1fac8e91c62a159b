"""Splitting sums of money."""
