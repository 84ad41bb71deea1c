"""Onelight: tools that learn from one production. Imports nothing, so that a host's Python can load the bridge."""
