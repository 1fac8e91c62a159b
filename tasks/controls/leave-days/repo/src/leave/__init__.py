"""Accounts of days of leave."""
