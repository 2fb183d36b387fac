"""Weights: reading them safely, fitting them, where they come from, and saving them."""
