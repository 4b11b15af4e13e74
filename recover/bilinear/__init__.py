"""Blind calibration: unknown gains of sensors and unknown signals."""
