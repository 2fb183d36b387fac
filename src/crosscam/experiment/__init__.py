"""An experiment from end to end: a recipe and a data set in, a run's folder out."""
