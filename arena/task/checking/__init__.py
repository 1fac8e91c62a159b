"""Proves tasks before anybody is measured with them."""
