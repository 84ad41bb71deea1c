"""Probe: proves that every byte went there and back; for tests and benchmarks, hidden from artists."""
