"""The PQ Index and sparsity-informed adaptive pruning (Diao et al. 2023)."""

SHARED = ("common", "digits")
