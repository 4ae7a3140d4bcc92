"""The compiled rows of packed typed files: words to pixels and back, without the GIL.

A word below 4000 is one pixel, any other a run of (word - 4000) empty pixels (`uncompress_field.F90`, SURFEX 8.1).
"""

from __future__ import annotations

import numpy as np

from ecosg_update.compiled import compiled
from ecosg_update.formats.typed import LARGEST, RUN, STEP

LONGEST = 65535 - RUN
"""Pixels of a run that fit into one word."""


@compiled
def unpack(words, starts, first, pixels):  # type: ignore[no-untyped-def]
    """Fill `pixels` (row, column), all 0 before, with the columns from `first` on of each row of a file.

    words: uint16, the rows one after the other; starts: where each begins, and the end. A multiple of 100 is left 0,
    as in SURFEX. Nothing outside `pixels` is written. Returns the pixels that each row holds, and in how many of
    `pixels` the type is no cover: both for the caller to refuse.
    """
    rows, width = pixels.shape
    held, illegal = np.zeros(rows, np.int64), 0
    for row in range(rows):
        at = 0
        for place in range(starts[row], starts[row + 1]):
            word = words[place]
            if word >= RUN:
                at += word - RUN
                continue
            if first <= at < first + width and word % STEP != 0:
                pixels[row, at - first] = word
                illegal += word < STEP or word > LARGEST
            at += 1
        held[row] = at
    return held, illegal


@compiled
def pack(pixels, words, counts):  # type: ignore[no-untyped-def]
    """Fill `words` with the rows of `pixels` and `counts` with the words of each row; returns the words in all.

    -1 where a pixel would be read as another: its type is no cover, or its value is 0.
    """
    rows, cols = pixels.shape
    n = 0
    for row in range(rows):
        begin, empty = n, 0
        for col in range(cols):
            pixel = pixels[row, col]
            if pixel == 0:
                empty += 1
            if empty and (pixel != 0 or empty == LONGEST):
                words[n] = RUN + empty
                n, empty = n + 1, 0
            if pixel != 0:
                if pixel % STEP == 0 or pixel < STEP or pixel > LARGEST:
                    return -1
                words[n] = pixel
                n += 1
        if empty:
            words[n] = RUN + empty
            n += 1
        counts[row] = n - begin
    return n
