"""How long a run takes on how many hosts: a model of what trials wait for, simulated."""
