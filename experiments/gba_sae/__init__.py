"""Sparse autoencoders that recover planted features by adapting biases (Chen et al. 2025)."""
