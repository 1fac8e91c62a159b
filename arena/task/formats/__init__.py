"""Formats of the field as data: what others write is read here, what they read is written here."""
