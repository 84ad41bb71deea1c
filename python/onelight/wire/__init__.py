"""Messages of the wire, generated from proto/onelight/wire by scripts/generate_protos."""
