"""Shows: one production's store, keys, policy, model versions and log, in a directory that nothing else shares."""
