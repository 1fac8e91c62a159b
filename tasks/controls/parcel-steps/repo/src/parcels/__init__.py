"""What it costs to send parcels."""
