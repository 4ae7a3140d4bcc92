"""Columns of a Parquet table, such as BigEarthNet's `metadata.parquet`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyarrow import ArrowException, Table
from pyarrow import parquet as pq

from ecosg_update.errors import FormatError

__all__ = ["Table", "row", "table"]


def table(path: Path | str, columns: Sequence[str]) -> Table:
    """These columns of a table, in Arrow's compact form; FormatError for another file, or one that lacks a column."""
    path = Path(path)
    try:
        with pq.ParquetFile(path) as file:
            found = file.schema_arrow.names
            lacking = [name for name in columns if name not in found]
            if lacking:
                raise FormatError(
                    f"{path}: has no column {', '.join(lacking)}, found {', '.join(found)}; give the published table"
                )
            return file.read(list(columns))
    except (OSError, ArrowException) as error:
        raise FormatError(f"{path}: is no Parquet table ({_line(error)}); fetch it again") from error


def row(found: Table, number: int) -> dict[str, Any]:
    """One row as plain values."""
    return {name: found.column(name)[number].as_py() for name in found.column_names}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
