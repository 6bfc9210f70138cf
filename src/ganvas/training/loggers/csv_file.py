"""The log as log.csv, for spreadsheets and data frames."""

from __future__ import annotations

from collections.abc import Mapping

from ...base.csv_files import csv_file
from ...base.files import write_file
from .base import Logger

FILE = "log.csv"


class CSVFile(Logger):
    """Written anew from log.jsonl after each tick, because later lines may have more columns: a
    resumed run has each line once."""

    def start(self, identifier: str) -> str:
        return FILE

    def values(self, step: int, kimg: float, values: Mapping[str, float]) -> None:
        rows = self.run.rows()
        columns = list(dict.fromkeys(name for row in rows for name in row))
        cells = (map(_cell, map(row.get, columns)) for row in rows)
        write_file(self.run.folder / FILE, csv_file(columns, map(list, cells)))

    def finish(self, status: str) -> None:
        """All is written."""


def _cell(value: object) -> object:
    if value is None:
        return ""
    return " ".join(map(str, value)) if isinstance(value, list) else value
