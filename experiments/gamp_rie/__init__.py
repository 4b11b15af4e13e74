"""Bayes-optimal learning of quadratic networks of extensive width (Maillard et al. 2024)."""
