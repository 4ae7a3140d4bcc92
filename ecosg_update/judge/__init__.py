"""Judging: how far classes agree with the truth, and how sure that figure is."""
