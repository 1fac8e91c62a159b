"""The search itself, which runs inside the sandbox on Python 3.10 or later.

It uses the standard library alone, and pytest where the tree's tests do: the service sends these
files through the contestant's bash tool, and nothing of them is mounted or installed there.
"""
