"""The demo bake-off, and its contestant without a language model."""
