"""Cleanup: stunt wires and rigs found, and replaced by the shot's own pixels."""
