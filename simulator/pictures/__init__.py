"""The simulated world drawn: small SVGs by our own hand, the same bytes of the same seed."""
