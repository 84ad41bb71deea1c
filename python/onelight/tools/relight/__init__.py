"""Relight: new light on a plate, as a bounded ratio of new to present shading."""
