"""Checking: what is wrong with the files and the labels of a data set."""
