"""Images: what they are made of, how they are made, where they are kept."""
