"""Losses: pure functions of features, logits and labels, and thin modules around them."""
