"""The zoo: recipes, the published figures, and trained weights by name."""
