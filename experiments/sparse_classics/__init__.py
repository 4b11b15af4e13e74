"""The classics of sparse recovery: phase transitions, state evolution, universality, structured operators."""
