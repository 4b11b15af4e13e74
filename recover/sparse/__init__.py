"""Sparse vectors from linear observations."""
