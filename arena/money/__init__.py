"""Tokens and money: pure functions over recorded calls, and the budgets that bound them."""
