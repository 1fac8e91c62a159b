"""The search, carried into the sandbox as it is: Python 3.10 or newer and pytest, nothing else."""
