"""CSV files that map each image to a group or a person: `path,group`, `path,identity`."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ..base.csv_files import exact, text_of
from ..base.types import StrPath
from ..errors import DataError


def read(file: StrPath, column: str) -> dict[str, str]:
    """Reads a CSV file with the header `path,COLUMN` -> {path: value of the column}.

    Raises: DataError: no such file, another header, or two different values for one image.
    """
    table: dict[str, str] = {}
    try:
        text, _ = text_of(Path(file).read_bytes())
        rows = csv.DictReader(io.StringIO(text, newline=""))
        if not {"path", column} <= set(rows.fieldnames or ()):
            raise DataError(
                f"the first line of {file} must be path,{column}, got "
                f"{','.join(rows.fieldnames or ['nothing'])}: correct it"
            )
        for row in rows:
            path, value = (exact((row[name] or "").strip()) for name in ("path", column))
            if not path or not value:
                raise DataError(
                    f"{file}, line {rows.line_num}: the path or its {column} is missing: add it"
                )
            if table.setdefault(path, value) != value:
                raise DataError(
                    f"{file} gives {path} two values of {column}, {table[path]} and {value}: "
                    "keep one"
                )
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}): check its path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is not a CSV file in UTF-8 ({error}): save it again") from error
    return table
