"""Scores, intervals and decisions: pure, seeded functions of one run's results."""
