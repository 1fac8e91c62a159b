"""Results as people read them: page, terminal, JSON, tables and charts."""
