"""Kronecker-structured sparse Bayesian learning (He and Joseph)."""
