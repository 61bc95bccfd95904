"""The subject of traffic signals: nouns, kernels, planners, safety, metrics and links. NumPy, Numba and the standard library only."""
