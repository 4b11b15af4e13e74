"""Speed and memory, side by side with plain loops, in one run."""
