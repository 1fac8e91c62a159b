"""What ledgers come to: results, intervals, comparisons, decisions; pure, seeded functions."""
