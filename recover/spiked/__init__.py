"""Spiked matrices and tensors: one vector hidden in symmetric noise."""
