"""Dailies: clips read, checked, matched to editorial and catalogued with their rights."""
