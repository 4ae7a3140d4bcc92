"""Deciding: from classes to covers in their context, and from covers to the cells of a patch."""
