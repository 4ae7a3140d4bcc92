"""Comparing: what changed between two cover maps, where, and what a model sees of it."""
