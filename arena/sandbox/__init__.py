"""Containers for agents and hidden tests: engine, images, files in and out, cleaning up."""
