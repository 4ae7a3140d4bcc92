"""Leaf area, albedo and tree height, kept in step with a changed cover."""
