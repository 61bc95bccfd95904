"""Traffic flow 15 minutes ahead, from counts alone: histories, forecasters, back-tests and their store. NumPy only."""
