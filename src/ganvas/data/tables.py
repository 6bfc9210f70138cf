"""CSV files that say of each image whose it is: `path,group`, `path,identity`."""

from __future__ import annotations

import csv

from ..base.types import StrPath
from ..errors import DataError


def read(file: StrPath, column: str) -> dict[str, str]:
    """A CSV file with the header `path,COLUMN` -> path: whose it is.

    Raises: DataError: no such file, another header, or one image twice, differently.
    """
    table: dict[str, str] = {}
    try:
        with open(file, newline="", encoding="utf-8-sig") as lines:  # noqa: PTH123
            rows = csv.DictReader(lines)
            if not {"path", column} <= set(rows.fieldnames or ()):
                raise DataError(
                    f"{file} has the columns {', '.join(rows.fieldnames or ['none'])}, where "
                    f"path,{column} is the first line: add it"
                )
            for row in rows:
                path, whose = (row["path"] or "").strip(), (row[column] or "").strip()
                if not path or not whose:
                    raise DataError(
                        f"{file}, line {rows.line_num}: a path or its {column} is missing"
                    )
                if table.setdefault(path, whose) != whose:
                    raise DataError(
                        f"{file} gives {path} to {table[path]} and to {whose}, where an image has "
                        f"one {column}: mend that line"
                    )
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}): check its path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is no CSV in UTF-8 ({error}): save it again") from error
    return table
