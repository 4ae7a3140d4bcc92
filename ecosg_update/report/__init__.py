"""Judging and showing a result."""
