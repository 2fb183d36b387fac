"""Features of many pictures on disk: a list of pictures in, a file of features out, by shards."""
