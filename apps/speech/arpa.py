"""Back-off n-gram tables in ARPA's text format, as SRILM, KenLM and others write and read it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from datasets.errors import DataError

Table = dict[tuple[str, ...], tuple[float, float]]
"""N-gram -> log10 probability of its last word after the others, log10 back-off weight of the whole n-gram as a history."""

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"


def format_arpa(tables: list[Table]) -> str:
    """Returns the ARPA text of the tables of order 1, 2, ...; the n-grams of the highest order have no back-off weight.

    >>> lines = format_arpa([{("<s>",): (-99, -0.5), ("</s>",): (-0.25, 0)}, {("<s>", "</s>"): (-0.125, 0)}]).splitlines()
    >>> lines[1:3], lines[5].split(), lines[-3].split()
    (['ngram 1=2', 'ngram 2=1'], ['-0.25', '</s>', '0'], ['-0.125', '<s>', '</s>'])
    """
    lines = ["\\data\\", *(f"ngram {order}={len(table)}" for order, table in enumerate(tables, 1)), ""]
    for order, table in enumerate(tables, 1):
        lines.append(f"\\{order}-grams:")
        for words, (probability, back_off) in sorted(table.items()):
            weight = f"\t{back_off:.7g}" if order < len(tables) else ""
            lines.append(f"{probability:.7g}\t{' '.join(words)}{weight}")
        lines.append("")
    return "\n".join([*lines, "\\end\\", ""])


def read_arpa(path: Path) -> list[Table]:
    """Reads an ARPA file.

    Raises:
        DataError: not UTF-8, cut short, or a line that is not what the format says; names file and line.
    """
    try:
        return parse_arpa(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text, expected an ARPA language model (not a binary one)") from None


def parse_arpa(text: str, name: str) -> list[Table]:
    """Returns the tables of order 1, 2, ... of an ARPA text; `name` stands in the errors.

    Raises:
        DataError: cut short, or a line that is not what the format says; names the text and the line.
    """
    lines = ((number, line.strip()) for number, line in enumerate(text.split("\n"), 1))
    lines = ((number, line) for number, line in lines if line)
    announced = _announced(lines, name)
    tables: list[Table] = []
    for order, count in enumerate(announced, 1):
        tables.append(_section(lines, name, order, len(announced), tables))
        if len(tables[-1]) != count:
            raise DataError(f"{name}: {len(tables[-1])} {order}-grams, its head announces {count}; get the whole file")
    missing = [word for word in (BEGIN, END) if (word,) not in tables[0]]
    if missing:
        raise DataError(f"{name}: {' and '.join(missing)} not among its 1-grams; train it with sentence boundaries")
    return tables


def _announced(lines: Iterator[tuple[int, str]], name: str) -> list[int]:
    """Reads the head, up to the line "\\1-grams:"; returns the number of n-grams of each order."""
    if next((line for _, line in lines if line == "\\data\\"), None) is None:
        raise DataError(f"{name}: no line \\data\\; expected an ARPA language model")
    counts: list[int] = []
    for number, line in lines:
        found = re.fullmatch(r"ngram\s+(\d+)\s*=\s*(\d+)", line)
        if found and int(found[1]) == len(counts) + 1:
            counts.append(int(found[2]))
        elif line == "\\1-grams:" and counts:
            return counts
        else:
            raise DataError(f"{name} line {number}: expected “ngram {len(counts) + 1}=COUNT”, found “{line[:40]}”")
    raise DataError(f"{name}: ends within its head; get the whole file")


def _section(lines: Iterator[tuple[int, str]], name: str, order: int, orders: int, lower: list[Table]) -> Table:
    """Reads the n-grams of one order and the line that ends them."""
    table: Table = {}
    end = f"\\{order + 1}-grams:" if order < orders else "\\end\\"
    for number, line in lines:
        if line == end:
            return table
        words, values = _entry(line, order, order < orders, f"{name} line {number}")
        unknown = [word for word in words if lower and (word,) not in lower[0]]
        if unknown or words in table:
            why = f"{unknown[0]} is not among the 1-grams" if unknown else "stands there twice"
            raise DataError(f"{name} line {number}: “{' '.join(words)}”: {why}")
        table[words] = values
    raise DataError(f"{name}: ends within its {order}-grams, expected {end}; get the whole file")


def _entry(line: str, order: int, may_back_off: bool, place: str) -> tuple[tuple[str, ...], tuple[float, float]]:
    fields = line.split()
    if line.startswith("\\") or len(fields) not in (order + 1, order + 1 + may_back_off):
        weight = " and, if any, a back-off weight" if may_back_off else ""
        raise DataError(f"{place}: expected a log10 probability, {order} words{weight}, found “{line[:40]}”")
    numbers = fields[:1] + fields[order + 1 :]
    try:
        probability, back_off = [float(number) for number in numbers] + [0.0] * (2 - len(numbers))
    except ValueError:
        raise DataError(f"{place}: “{' '.join(numbers)}” is not a number, or not {order} words") from None
    if not (math.isfinite(probability) and math.isfinite(back_off)) or probability > 0:
        raise DataError(
            f"{place}: log10 probability {probability:g} and back-off {back_off:g}, expected finite, at most 0"
        )
    return tuple(fields[1 : order + 1]), (probability, back_off)
