"""Rows of an index as CSV, JSON or Parquet; knows nothing of where they come from."""

import csv
import importlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clipmatrix.errors import RunError
from clipmatrix.runs.files import write_whole
from clipmatrix.runs.queries import COLUMNS, JSON_COLUMNS

Row = dict[str, Any]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Writes the rows with a line of names above; lists are joined by semicolons.

    Raises:
        RunError: the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS))
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "; ".join(row[key]) if key in JSON_COLUMNS else row[key] for key in COLUMNS})
    write_whole(path, text.getvalue().encode())


def json_lines(rows: Sequence[Row]) -> str:
    """The rows as one JSON list."""
    return json.dumps(list(rows), ensure_ascii=False, indent=1)


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Writes the rows as a Parquet file, with columns of the index's kinds, compressed.

    Raises:
        RunError: pyarrow is not here, or the file cannot be written.
    """
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise RunError(
            "Parquet files need pyarrow, which is not here: pip install 'clipmatrix[table]', or use --csv"
        ) from error
    kinds = {"TEXT": arrow.string(), "INTEGER": arrow.int64(), "REAL": arrow.float64(), "BOOLEAN": arrow.bool_()}
    schema = arrow.schema(
        [(name, arrow.list_(arrow.string()) if name in JSON_COLUMNS else kinds[kind]) for name, kind in COLUMNS.items()]
    )
    stream = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(list(rows), schema=schema), stream, compression="zstd")
    write_whole(path, stream.getvalue())
