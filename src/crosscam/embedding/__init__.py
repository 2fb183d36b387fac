"""Embedding: from pictures to features."""
