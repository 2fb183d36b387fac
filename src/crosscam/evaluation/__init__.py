"""Evaluation: features, distances, ranking and scores."""
