"""The demonstration: real plates through the real plug-in, with pictures to look at and numbers to check."""
