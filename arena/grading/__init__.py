"""Running hidden tests against a patched tree, and deciding what their claims are worth."""
