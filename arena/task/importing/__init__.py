"""Other people's suites as packs of ours: read as data, built from source, proved before use."""
