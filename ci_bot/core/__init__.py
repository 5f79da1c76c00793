"""Everything that decides, and nothing that waits: no clock, network, files, randomness or logging."""
