"""What a check finds: faults are collected and returned, the caller decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a fault is for the run that reads the file.

    ERROR: PGD aborts on it or silently reads something else. WARNING: PGD tolerates it, a person should look.
    """

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Fault:
    """One fault of a file.

    rule: its short name, for scripts. where: file, line, row and column, or longitude and latitude. what: found
    and expected. effect: what SURFEX does with it. cure: what to do.
    """

    severity: Severity
    rule: str
    where: str
    what: str
    effect: str
    cure: str

    def __str__(self) -> str:
        return f"{self.severity} {self.where}: {self.what}; {self.effect}; {self.cure} [{self.rule}]"

    def as_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return asdict(self)


def has_errors(faults: Iterable[Fault]) -> bool:
    """Whether any of `faults` is an error."""
    return any(fault.severity is Severity.ERROR for fault in faults)
