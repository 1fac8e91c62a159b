"""A run on disk: its directory and manifest, its ledger, its transcripts."""
