"""Compiled functions: numba's, without the GIL and without its own threads.

numba's portable threads abort the process when two Python threads call them at once; releasing the GIL lets ours work
side by side. Importing this module imports numba, which takes a while: do it where the function is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """The function compiled, kept on disk where numba finds a folder that it may write to.

    The copy on disk is renewed when the file of the called function changes: what it calls stands in the same file.
    """
    try:
        return njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # numba: "no locator available", a read-only installation without a home
        return njit(nogil=True, error_model="numpy")(function)
