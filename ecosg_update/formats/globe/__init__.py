"""Putting a window into a map of any size: by a copy that replaces, or in place with an undo journal.

`lock` lets one writer in at a time, `copy` makes the second file, `insert` writes the window, `journal` keeps
the bytes that were there, `undo` gives them back.
"""
