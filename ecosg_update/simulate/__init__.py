"""Simulated landscapes, scenes and maps for the demo, the tests and the training of the demo's checkpoint.

Nothing here shows a real place. Some of the spectra in tables/simulated/spectra.csv were measured on modified
Copernicus Sentinel data (2017 to 2022); each row says so.
"""
