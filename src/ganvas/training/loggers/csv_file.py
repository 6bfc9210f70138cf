"""The log as log.csv, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

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
        text = io.StringIO()
        table = csv.DictWriter(text, columns, lineterminator="\n")
        table.writeheader()
        for row in rows:
            cells = {k: " ".join(v) if isinstance(v, list) else v for k, v in row.items()}
            table.writerow(cells)
        self.run.write(FILE, text.getvalue())

    def finish(self, status: str) -> None:
        """All is written."""
