"""Atoms: the atomic inner product, unique codes, autoencoders with thresholds (Hu et al. 2025)."""
