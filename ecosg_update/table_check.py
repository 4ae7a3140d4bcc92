"""Everything that can be wrong with the tables, as faults, and which covers each crosswalk can make."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.fault import Fault, Severity
from ecosg_update.layers import Crosswalk
from ecosg_update.legend import Legend
from ecosg_update.table_files import FRACTIONAL, layers, names
from ecosg_update.tables import CROSSWALK_COLUMNS, EVERYWHERE, FORMS, LEGEND_COLUMNS, RULES, Form, Rows, rows

GROUPING_COLUMNS = ("code", "group", "reference")
CONFIDENCE = ("A", "B", "C")
"""A: two sources agree. B: a majority or a mixture. C: the sources disagree, an expert chose."""

NOTHING = ("", "0", "-")
"""Groups that leave a code out."""

REFUSED = "no command reads the table"


@dataclass(frozen=True)
class Reach:
    """The covers that a crosswalk makes: by its own rows, only through the original map (rule R1), or not at all."""

    by_table: tuple[int, ...]
    by_context: tuple[int, ...]
    never: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """What the check saw and found. reach: crosswalk -> form -> covers; together: those of all crosswalks."""

    faults: tuple[Fault, ...]
    legends: tuple[str, ...]
    crosswalks: tuple[str, ...]
    groupings: tuple[str, ...]
    reach: dict[str, dict[str, Reach]]
    together: Reach

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self) | {"faults": [fault.as_dict() for fault in self.faults]}


def checked() -> Report:
    """Every fault of the tables that count, those of the user's folder among them."""
    faults = [fault for name in tables.legend_names() for fault in _found(_legend, name)]
    faults += [fault for name in tables.table_names() for fault in _found(_crosswalk, name)]
    faults += [fault for name in names("groupings") for fault in _found(_grouping, name)]
    faults += _cycles(names("groupings"))
    reach: dict[str, dict[str, Reach]] = {}
    for source, target in tables.crosswalk_names():
        if target != "ecosg":
            continue
        try:
            found: dict[str, Reach] = {form: _reach([tables.crosswalk(source, target, form=form)]) for form in FORMS}
        except TableError as error:
            faults += [] if faults else [_fault("unreadable", f"{source}--{target}", str(error))]
            continue
        reach[f"{source}--{target}"] = found
    together = _together([one for found in reach.values() for one in found.values()])
    if together.never:
        covers = ", ".join(str(cover) for cover in together.never)
        faults.append(_fault("unreachable", "crosswalks", f"no crosswalk and no context makes covers {covers}"))
    return Report(
        tuple(faults), tables.legend_names(), tables.table_names(), names("groupings"), reach, together
    )  # fmt: skip


def _found(check: Callable[[str], Iterator[Fault]], name: str) -> Iterator[Fault]:
    """The faults that a check finds in a table, the last of them that it cannot be read any further."""
    try:
        yield from check(name)
    except TableError as error:
        yield _fault("unreadable", name, str(error))


def _legend(name: str) -> Iterator[Fault]:
    file = layers("legends", f"{name}.csv")[0]
    lines = rows(file, LEGEND_COLUMNS)
    yield from _twice((row["code"] for row in lines), file, "code")
    yield from _twice((row["name"] for row in lines), file, "name")
    empty = set(tables.no_data_codes(name))
    for number, row in enumerate(lines, start=2):
        where = f"{file}, line {number}"
        if not row["code"].isdecimal() or not 1 <= int(row["code"]) <= 999:
            yield _fault("code", where, f"code {row['code']!r}, expected a whole number in 1..999")
        elif int(row["code"]) in empty:
            yield _fault("no-data", where, f"code {row['code']} is a class and no data in no_data.csv")
        try:
            tables.colour(row["colour"], file)
        except TableError:
            yield _fault("colour", where, f"colour {row['colour']!r}, expected #rrggbb")
        for column in ("name", "group", "source"):
            if not row[column].strip():
                yield _fault("missing", where, f"{column} of class {row['code']} is empty")
    if sorted(row["priority"] for row in lines) != sorted(str(rank) for rank in range(1, len(lines) + 1)):
        yield _fault("priority", file, f"priorities, expected 1..{len(lines)}, each once: ties need one winner")


def _crosswalk(name: str) -> Iterator[Fault]:
    """The faults of every file of that name, row by row, and then of the rows that hold in each zone."""
    stem = name.removesuffix(FRACTIONAL)
    sides = _sides(stem, f"crosswalks/{name}.csv")
    if isinstance(sides, Fault):
        yield sides
        return
    for file in layers("crosswalks", f"{name}.csv"):
        lines = rows(file, CROSSWALK_COLUMNS)
        for number, row in enumerate(lines, start=2):
            yield from _row(row, sides, f"{file}, line {number}")
        yield from _twice((f"{row['source']}, {row['zone']}, {row['target']}" for row in lines), file, "row")
        yield from _two_rules(lines, file)
    if not layers("crosswalks", f"{stem}.csv"):
        yield _fault("no-hard", f"crosswalks/{name}.csv", f"has no {stem}.csv beside it, which is the default form")
        return
    yield from _sums(name, sides[0])


def _row(row: dict[str, str], sides: tuple[Legend, Legend], where: str) -> Iterator[Fault]:
    for column, legend in zip(("source", "target"), sides, strict=True):
        if not row[column].isdecimal() or int(row[column]) not in legend.codes:
            yield _fault("code", where, f"{column} {row[column]!r} is no class of {legend.name}")
    try:
        tables.weight(row, Path(where))
    except TableError:
        yield _fault("weight", where, f"weight {row['weight']!r}, expected a number in 0..1")
    for column in ("inherit", "neighbours"):
        if row[column] not in RULES:
            yield _fault("rule", where, f"{column} {row[column]!r}, expected one of {', '.join(RULES)}")
    if row["confidence"] not in CONFIDENCE:
        yield _fault("confidence", where, f"confidence {row['confidence']!r}, expected A, B or C")
    for column in ("zone", "condition", "reference"):
        if not row[column].strip():
            yield _fault("missing", where, f"{column} of class {row['source']} is empty")


def _two_rules(lines: Rows, file: Path) -> Iterator[Fault]:
    """A class has one pair of rules in a zone: of two, the last would hold in silence."""
    found = defaultdict(set)
    for row in lines:
        found[row["source"], row["zone"]].add((row["inherit"], row["neighbours"]))
    for (source, zone), rules in found.items():
        if len(rules) > 1:
            yield _fault(
                "rules", file, f"class {source} in zone {zone} has {len(rules)} pairs of inherit, neighbours"
            )


def _sums(name: str, source: Legend) -> Iterator[Fault]:
    form: Form = "fractional" if name.endswith(FRACTIONAL) else "hard"
    left, right = name.removesuffix(FRACTIONAL).split("--")
    stack = tables.stack(left, right, form=form)
    for zone in tables.zones_of(stack):
        total: Counter[str] = Counter()
        for row in tables.rows_of_zone(stack, zone):
            total.update({row["source"]: _number(row["weight"])})
        for code in map(str, source.codes):
            if code not in total:
                yield _fault("gap", name, f"class {code} has no row in zone {zone}; add one, or one of {EVERYWHERE}")
            elif abs(total[code] - 1) > 1e-6:
                yield _fault(
                    "sum", name, f"weights of class {code} in zone {zone} sum to {total[code]:.4g}, expected 1"
                )


def _grouping(name: str) -> Iterator[Fault]:
    file = layers("groupings", f"{name}.csv")[0]
    sides = _sides(name, str(file))
    if isinstance(sides, Fault):
        yield sides
        return
    lines = rows(file, GROUPING_COLUMNS)
    source, target = sides
    yield from _twice((row["code"] for row in lines), file, "code")
    known = {*NOTHING, *target.names, *map(str, target.codes)}
    for number, row in enumerate(lines, start=2):
        where = f"{file}, line {number}"
        if not row["code"].isdecimal() or int(row["code"]) not in source.codes:
            yield _fault("code", where, f"code {row['code']!r} is no class of {source.name}")
        if row["group"].strip() not in known:
            yield _fault("code", where, f"group {row['group']!r} is no class of {target.name}")
        if not row["reference"].strip():
            yield _fault("missing", where, f"reference of class {row['code']} is empty")


def _cycles(stems: Iterable[str]) -> list[Fault]:
    """A grouping makes fewer classes of more; one that comes back to its beginning does not."""
    graph: dict[str, set[str]] = defaultdict(set)
    for stem in stems:
        source, _, target = stem.partition("--")
        graph[source].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [_fault("cycle", "groupings", f"come back to their beginning: {' to '.join(error.args[1])}")]
    return []


def _reach(crosswalks: list[Crosswalk]) -> Reach:
    made, near = set[int](), set[int]()
    for crosswalk in crosswalks:
        for zone, weights in enumerate(crosswalk.weights):
            for source, target in zip(*weights.nonzero(), strict=True):
                cover = crosswalk.target.codes[target]
                made.add(cover)
                for rules in (crosswalk.inherit, crosswalk.neighbours):
                    near |= _relatives(crosswalk.target, rules[zone][source], cover)
    return _sorted_reach(made, near)


def _relatives(legend: Legend, column: str, cover: int) -> set[int]:
    """The covers that share a column with one; the same as rule R1 of the crosswalk takes."""
    if column == "cover":
        return {cover}
    cells = legend.group if column == "group" else legend.columns[column]
    return set(legend.members(column, cells[legend.index(cover)]))


def _together(parts: list[Reach]) -> Reach:
    made = {cover for part in parts for cover in part.by_table}
    return _sorted_reach(made, {cover for part in parts for cover in part.by_context})


def _sorted_reach(made: set[int], near: set[int]) -> Reach:
    every = set(tables.legend("ecosg").codes)
    return Reach(tuple(sorted(made)), tuple(sorted(near - made)), tuple(sorted(every - made - near)))


def _sides(stem: str, where: str) -> tuple[Legend, Legend] | Fault:
    """The two legends of a table's name, or the fault that one of them has or is."""
    source, _, target = stem.partition("--")
    try:
        return tables.legend(source), tables.legend(target)
    except TableError as error:
        return _fault("legend", where, str(error))


def _twice(values: Iterable[str], where: Path, what: str) -> Iterator[Fault]:
    for value, count in Counter(values).items():
        if count > 1:
            yield _fault("twice", where, f"{what} {value} stands {count} times")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _fault(rule: str, where: Path | str, what: str) -> Fault:
    return Fault(Severity.ERROR, rule, str(where), what, REFUSED, "correct the table")
