"""A made-up landscape as a Sentinel-2 product: simulated, and called so wherever it appears."""
