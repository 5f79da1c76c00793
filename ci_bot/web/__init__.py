"""The HTTP surface: hooks in, logs and health out."""
