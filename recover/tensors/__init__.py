"""Sparse tensors through Kronecker-structured dictionaries."""
