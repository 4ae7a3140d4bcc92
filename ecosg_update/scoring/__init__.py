"""Scoring: several engines and baselines on the same labelled pixels, in one run and one report."""
