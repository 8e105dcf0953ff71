"""Tables of numbers as text, .csv and .tsv.

The first rows of a file decide whether it has names of rows and columns. `numpy.loadtxt` reads the numbers. If it
fails, the file is read a second time to name the line and the column of the first bad field.

Measured on a file of 76 MB: `numpy.loadtxt` takes 0.9 to 1.1 s, pandas 0.8 to 2.6 s, pyarrow 1.0 to 1.3 s. With its
default settings pandas does not read every number to the last bit, and both accept an empty field as NaN.
"""

import bz2
import csv
import gzip
import itertools
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from .._checks import InputError
from ._table import Table

Convert = Callable[[str], float]

OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
DELIMITERS = {".csv": ",", ".tsv": "\t"}
ROW_NAME_HEADERS = {"", "id", "index", "name", "unnamed: 0"}  # headers of a first column that holds names, not numbers
SAMPLED_ROWS = 100  # rows that decide whether the first column holds names
MISSING = {"", "na", "n/a", "null"}  # fields that mean a missing entry; "nan" is a number already
TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
SHOWN = 40  # characters of a field in a message


class Layout(NamedTuple):
    """Where the numbers and the names of a file are."""

    path: Path
    delimiter: str
    header: list[str] | None
    row_names: bool
    """Whether the first column holds the names of the rows."""
    skipped: int
    """Lines before the first row of numbers."""
    width: int
    """Fields of a row, including its name."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the columns of numbers."""
        return None if self.header is None else tuple(self.header[-(self.width - self.row_names) :])


def read(
    path: Path,
    delimiter: str | None = None,
    default_delimiter: str = ",",
    header: bool | None = None,
    row_names: bool | None = None,
    convert: Convert | None = None,
) -> Table:
    """The table in a UTF-8 text file.

    Parameters
    ----------
    path : Path
    delimiter : str, optional
        The delimiter of the fields. None: `default_delimiter`, and another one in the file is refused.
    default_delimiter : str
    header, row_names : bool, optional
        Whether the first line names the columns, and whether the first column names the rows. None: the file decides.
    convert : callable, optional
        Converts a field that is not a number. It is called for every field, so a fast attempt without it goes first.
    """
    layout = None
    try:
        layout = _find_layout(path, delimiter, default_delimiter, header, row_names)
        try:
            return _read_numbers(layout, None)
        except ValueError:
            if convert is None:
                raise
        return _read_numbers(layout, convert)
    except InputError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.object[error.start]:#04x}); wanted UTF-8: "
            "convert it, for instance with iconv -f latin1 -t utf-8"
        ) from None
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path}: {_describe_fault(layout, convert) or error}") from None


def number(field: str) -> float:
    """The number in a field. Like `numpy.loadtxt` it refuses 1_000 and digits of other scripts, which float takes."""
    if "_" in field or not field.isascii():
        raise ValueError
    return float(field)


def number_or_missing(field: str) -> float:
    """The number in a field, or NaN for a field that means a missing entry."""
    return np.nan if field.strip().lower() in MISSING else number(field)


def truth(field: str) -> float:
    """1 for true, 0 for false."""
    value = TRUTH.get(field.strip().lower())
    if value is None:
        raise ValueError
    return value


def open_text(path: Path) -> TextIO:
    """A text file, decompressed if its name says that it is compressed."""
    return OPENERS.get(path.suffix.lower(), open)(path, "rt", encoding="utf-8-sig")


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """The first line, the last line and the fields of each row of a file. Empty lines are skipped."""
    with open_text(path) as file:
        reader, last = csv.reader(file, delimiter=delimiter), 0
        try:
            for fields in reader:
                if fields:
                    yield last + 1, reader.line_num, fields
                last = reader.line_num
        except csv.Error as error:
            raise InputError(f"{path}: line {last + 1}: {error} (is a quotation mark not closed?)") from None


def _find_layout(
    path: Path, delimiter: str | None, default_delimiter: str, header: bool | None, row_names: bool | None
) -> Layout:
    """The layout of a file, from its first rows and from what the user has set."""
    chosen = default_delimiter if delimiter is None else delimiter
    firsts = list(itertools.islice(_records(path, chosen), SAMPLED_ROWS))
    if not firsts:
        raise InputError(f"{path} is empty; wanted rows of numbers")
    (_, skipped, first), second = firsts[0], firsts[1][2] if len(firsts) > 1 else None
    if delimiter is None:
        _refuse_other_delimiter(path, first, chosen)
    if header is None:
        header = _is_header(first)
    if not header:
        names = all(_is_text(row[0]) for row in (first, second or first)) if row_names is None else row_names
        return Layout(path, chosen, None, names and len(first) > 1, 0, len(first))
    if second is None:
        raise InputError(f"{path} has names of columns and no row of numbers; wanted at least one")
    if row_names is None:
        row_names = _has_row_names(first, [fields for _, _, fields in firsts[1:]])
    names = row_names and len(second) > 1
    if len(first) not in (len(second), len(second) - names):
        raise InputError(f"{path} has {len(first)} names of columns, but the row below them has {len(second)} fields")
    return Layout(path, chosen, first, names, skipped, len(second))


def _refuse_other_delimiter(path: Path, first: list[str], delimiter: str) -> None:
    other = next((mark for mark in ";\t," if mark in first[0]), None)
    if len(first) == 1 and other is not None:
        raise InputError(f"{path} has {other!r} between its fields, not {delimiter!r}; pass --delimiter {other!r}")


def _is_header(first: list[str]) -> bool:
    """Whether a first row names columns: most of it is text, or nothing stands above the names of the rows."""
    if len(first) == 1:
        return _is_text(first[0])
    return first[0].strip() == "" or 2 * sum(map(_is_text, first[1:])) > len(first) - 1


def _has_row_names(header: list[str], rows: list[list[str]]) -> bool:
    """Whether the first column below a header names the rows."""
    if len(header) == len(rows[0]) - 1:  # R writes no header above the names of the rows
        return True
    if len(header) == len(rows[0]) and header[0].strip().lower() in ROW_NAME_HEADERS:
        return True
    texts = [_is_text(fields[0]) for fields in rows]
    return 2 * sum(texts) > len(texts)  # a single text may be a typing error in a column of numbers


def _is_text(field: str) -> bool:
    """Whether a field is neither a number, perhaps with a decimal comma, nor true, false or missing."""
    return not (_accepts(number_or_missing, field.replace(",", ".", 1)) or _accepts(truth, field))


def _accepts(convert: Convert, field: str) -> bool:
    try:
        convert(field)
    except ValueError:
        return False
    return True


def _read_numbers(layout: Layout, convert: Convert | None) -> Table:
    """The table of a layout, in one pass over the file."""
    names: list[str] = []

    def keep_name(field: str) -> float:
        names.append(field)
        return 0.0

    converters: Any = convert
    if layout.row_names:
        converters = dict.fromkeys(range(layout.width), convert) if convert else {}
        converters[0] = keep_name
    with open_text(layout.path) as file:
        for _ in range(layout.skipped):
            next(file)
        X = np.loadtxt(
            file,
            delimiter=layout.delimiter,
            quotechar='"',
            comments=None,
            converters=converters,
            encoding="utf-8",  # without it NumPy 1.26 passes bytes to a converter
            ndmin=2,
        )
    if X.shape[1] != layout.width:
        raise ValueError(f"rows have {X.shape[1]} fields; wanted {layout.width}")  # `read` adds the file and the line
    if layout.width == 1:
        _refuse_gaps(layout)
    return Table(X[:, 1:] if layout.row_names else X, tuple(names) or None, layout.columns)


def _refuse_gaps(layout: Layout) -> None:
    """Refuse empty lines in a single column: each is a missing entry, which `numpy.loadtxt` skips."""
    before = layout.skipped
    for first, last, _ in _records(layout.path, layout.delimiter):
        if first > before + 1:
            raise InputError(f"{layout.path}: line {before + 1} is empty; wanted a number")
        before = last


def _describe_fault(layout: Layout | None, convert: Convert | None) -> str | None:
    """The place and the fault of the first row that cannot be read. Lines and columns count from 1, as in an editor."""
    if layout is None:
        return None
    for line, last, fields in _records(layout.path, layout.delimiter):
        if last <= layout.skipped:
            continue
        if len(fields) != layout.width:
            count = f"{len(fields)} field{'s' * (len(fields) != 1)}"
            quote = "" if last == line else " (is a quotation mark not closed?)"
            return f"line {line} has {count}{quote}; wanted {layout.width}, as in the rows above it"
        for j in range(layout.row_names, layout.width):
            if not _accepts(convert or number, fields[j]):
                return f"line {line}, column {j + 1}{_column_name(layout, j)} {_complaint(fields[j], j, convert)}"
    return None


def _column_name(layout: Layout, column: int) -> str:
    columns = layout.columns
    return f" ({columns[column - layout.row_names]!r})" if columns else ""


def _complaint(field: str, column: int, convert: Convert | None) -> str:
    """The content of a bad field, what is wanted, and the option that helps."""
    shown = repr(field if len(field) <= SHOWN else field[: SHOWN - 3] + "...")
    if convert is truth:
        return f"is {shown}; wanted true or false, 1 or 0"
    if field.strip().lower() in MISSING:
        content = "is empty" if not field.strip() else f"is {shown}"
        return f"{content}; wanted a number (--missing nan accepts it as a missing entry)"
    if field.count(",") == 1 and field.replace(",", "", 1).strip().lstrip("+-").isdigit():
        return f"is {shown}; wanted a number with a decimal point"
    hint = " (--row-names yes takes the first column as names)" if column == 0 else ""
    return f"is {shown}; wanted a number{hint}"
