"""What tables of trials say: intervals, boundaries, placement. NumPy, SciPy and pandas only."""
