"""Models: one file an architecture, their weights, and trained ones on disk."""
