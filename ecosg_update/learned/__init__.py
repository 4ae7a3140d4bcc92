"""Crosswalks learned from data: what a map's classes turn out to be, with an expert's table as prior."""
