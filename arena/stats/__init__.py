"""Statistics as pure functions of arrays: intervals, tests, power. Nothing here knows of a run."""
