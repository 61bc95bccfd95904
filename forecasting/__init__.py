"""Traffic flow 15 minutes ahead, from counts alone: histories, forecasters, back-tests and their store.

NumPy and Numba only; LightGBM (extra `boost`) fits trees, polars (extra `parquet`) reads Parquet.
"""
