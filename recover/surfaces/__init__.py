"""Surfaces with jumps, seen at scattered points."""
