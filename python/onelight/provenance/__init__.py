"""Where rendered pictures and model versions come from, signed and checked."""
