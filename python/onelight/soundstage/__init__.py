"""The synthetic soundstage: procedural scenes, path-traced with exact passes, that every tool learns from."""
