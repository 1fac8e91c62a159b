"""Exact money for invoices and shared expenses."""

from fairshare.allocation import allocate, split
from fairshare.invoice import Invoice, Line
from fairshare.money import CurrencyMismatch, Money, total_of
from fairshare.printing import render
from fairshare.settlement import Expense, balances, transfers

__all__ = [
    "CurrencyMismatch",
    "Expense",
    "Invoice",
    "Line",
    "Money",
    "allocate",
    "balances",
    "render",
    "split",
    "total_of",
    "transfers",
]
