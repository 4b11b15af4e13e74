"""The sub-gradient method for robust low-rank recovery from a small start (Ma and Fattahi 2023)."""
