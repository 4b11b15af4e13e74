"""Blind gain calibration by projected gradient descent (Cambareri and Jacques 2018)."""
