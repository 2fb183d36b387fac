"""Data: readers of data sets, and pictures made into batches."""
