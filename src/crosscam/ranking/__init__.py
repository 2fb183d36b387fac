"""Ranking: arrays in, ranks and distances out; it knows no model and no data set."""
