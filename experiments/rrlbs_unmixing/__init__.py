"""Spectral unmixing with robust representation and learning-based sparsity (Zhu et al.)."""
