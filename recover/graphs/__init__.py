"""Hierarchical communities of graphs."""
