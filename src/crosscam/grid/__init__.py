"""The grid: recipes x data sets x seeds, trained side by side, and the table of what came out."""
