"""Low-rank matrices from linear and robust measurements."""
