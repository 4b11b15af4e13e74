"""Regressions of many tasks that share a linear representation, and how much data to buy for which."""
