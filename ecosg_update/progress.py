"""How far long work is: the library counts, the caller shows."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""(what, done, total): called after each piece of work."""


def silent(what: str, done: int, total: int) -> None:
    """Show nothing."""
