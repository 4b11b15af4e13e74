"""Autoencoders judged and designed by the norms of their codes (Lee et al. 2025)."""
