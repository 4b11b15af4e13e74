"""Bottom-up against top-down hierarchical community detection (Dreveton et al. 2023)."""

SHARED = ("common", "plane")
