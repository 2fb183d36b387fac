"""Settings that a recipe holds and that the rooms above read: each defined once, here."""
