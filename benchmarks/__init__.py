"""Comparisons: scenarios x controllers x seeds in parallel processes, and what the differences are worth."""
