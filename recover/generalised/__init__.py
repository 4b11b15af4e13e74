"""Generalised linear models with many coefficients: penalised fits, their paths, and screening of columns."""
