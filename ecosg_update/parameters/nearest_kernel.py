"""The compiled search for the nearest cells of a lattice: exact on the sphere, without the GIL.

Cells of a row are sorted by column, so a search walks outward from the target's own column in each row, row by row,
and stops where even the next cell of the row, or the next row, is further than what is found. Nothing is built but
the list of columns, whatever the radius.
"""

from __future__ import annotations

from ecosg_update.compiled import compiled


@compiled
def _first_at(cols, begin, end, col):  # type: ignore[no-untyped-def]
    """The first place in cols[begin:end] (sorted) with a column of `col` or more."""
    while begin < end:
        middle = (begin + end) // 2
        if cols[middle] < col:
            begin = middle + 1
        else:
            end = middle
    return begin


@compiled
def _kept(best, places, held, square, place):  # type: ignore[no-untyped-def]
    """Put a cell among the best, sorted, behind those as near; returns how many are held."""
    at = min(held, best.size - 1)
    while at > 0 and best[at - 1] > square:
        best[at], places[at] = best[at - 1], places[at - 1]
        at -= 1
    best[at], places[at] = square, place
    return min(held + 1, best.size)


@compiled
def _walked(row, way, target, sphere, kept):  # type: ignore[no-untyped-def]
    """Walk along a row from `at`, `way` -1 to the west or 1 to the east, and keep what is near; returns how many.

    row: its columns, where it begins and ends in them, where to start, and the flat index of its first cell.
    """
    cols, begin, end, at, first = row
    col, meridional, zonal = target
    squares, world, limit = sphere
    best, places, held = kept
    for _ in range(end - begin):
        if at < begin or at >= end:
            at = end - 1 if way < 0 else begin
        steps = (cols[at] - col) * way
        if steps < 0 or (steps == 0 and way < 0):
            steps += world
        if 2 * steps > world or (2 * steps == world and way < 0):
            break  # the other half of the parallel is walked from the other side
        square = meridional + zonal * squares[steps]
        if square > limit or (held == best.size and square >= best[held - 1]):
            break
        held = _kept(best, places, held, square, first + cols[at])
        at += way
    return held


@compiled
def search(cells, targets, cosines, sphere, found, distances):  # type: ignore[no-untyped-def]
    """Fill `found` (target, rank) with the flat index of the nearest cells and `distances` with sin^2(angle / 2).

    cells: (starts, cols, width): the cells that have a value, by row, as sorted columns; columns of the window.
    targets: (rows, columns). cosines: of the rows' latitudes. sphere: (squares, world, limit): sin^2 of half n steps
    of the lattice; columns once around the globe; sin^2 of half the radius. What is not found stays as it is. Of
    cells at the same distance the northern comes first, then the western.
    """
    starts, cols, width = cells
    rows, columns = targets
    squares, _, limit = sphere
    height = starts.size - 1
    for number in range(rows.size):
        row, col, held = rows[number], columns[number], 0
        best, places = distances[number], found[number]
        for away in range(height):
            meridional = squares[away]
            if meridional > limit or (held == best.size and meridional >= best[held - 1]):
                break
            for side in range(-1, 2 if away else 0, 2):
                other = row + side * away
                if not 0 <= other < height or starts[other] == starts[other + 1]:
                    continue
                begin, end = starts[other], starts[other + 1]
                target = (col, meridional, cosines[row] * cosines[other])
                at = _first_at(cols, begin, end, col)
                held = _walked((cols, begin, end, at - 1, other * width), -1, target, sphere, (best, places, held))
                held = _walked((cols, begin, end, at, other * width), 1, target, sphere, (best, places, held))
