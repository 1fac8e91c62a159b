"""The search, carried into the sandbox as it is: Python 3.10 or newer and pytest, nothing else.

Its imports of itself are relative: there it is a package of another name, and no Arena is near.
"""
