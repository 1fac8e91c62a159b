"""A contestant without a language model: search-based program repair behind an OpenAI endpoint."""
