"""Cells as numbers: what counts as one, what is missing, and what is said of the rest."""

import re
import unicodedata
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute

from infrastructure.data.separated.decimal_marks import comma_fault

# As people, pandas, spreadsheets and statistical offices write it; a lone "-" may also stand for zero.
MISSING = ("", "nan", "na", "n/a", "null", "none", "<na>", "nat", "-nan", "#n/a", "#na", ".", "?")
_NUMBER = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf|infinity))$"
_MINUS_SIGN = "\u2212"  # as typesetters write it
_WITH_UNIT = re.compile(r"(\(?)[$€£¥]?\s?([+-]?[0-9][0-9.]*)\s?[%$€£¥]?(\)?)")  # accountants put brackets for a minus
UNKNOWN_REMEDY = "Correct the cell, or leave it empty if the value is unknown."


def is_number(text: str) -> bool:
    """Tell whether a cell holds a number in the form that is read."""
    return re.match(_NUMBER, text.strip(), re.ASCII) is not None


def read_numbers(column: pyarrow.Array) -> tuple[np.ndarray, np.ndarray]:
    """Read a block as float64 [n], NaN where a value is missing, and tell which cells hold no number [n]."""
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        return read_numbers(column.dictionary_decode())
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        try:
            return _floats(column), np.zeros(len(column), dtype=bool)
        except pyarrow.ArrowInvalid:
            return _careful_numbers(column)
    if pyarrow.types.is_null(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_decimal(kind):
        return _floats(column), np.zeros(len(column), dtype=bool)
    if pyarrow.types.is_integer(kind):
        return _floats(column), np.zeros(len(column), dtype=bool)
    return np.full(len(column), np.nan), column.is_valid().to_numpy(zero_copy_only=False)


def _floats(column: pyarrow.Array) -> np.ndarray:
    numbers = column.cast(pyarrow.float64(), safe=False).fill_null(np.nan)
    return numbers.to_numpy(zero_copy_only=False)


def _careful_numbers(column: pyarrow.Array) -> tuple[np.ndarray, np.ndarray]:
    """Read a block in which some cell is no number, or has blanks around it."""
    texts = pyarrow.compute.replace_substring(pyarrow.compute.utf8_trim_whitespace(column), _MINUS_SIGN, "-")
    good = pyarrow.compute.match_substring_regex(texts, _NUMBER)
    missing = pyarrow.compute.is_in(pyarrow.compute.utf8_lower(texts), value_set=pyarrow.array(MISSING, texts.type))
    numbers = _floats(pyarrow.compute.if_else(good, texts, None))
    bad = pyarrow.compute.invert(pyarrow.compute.or_(good, missing)).fill_null(False)
    return numbers, bad.to_numpy(zero_copy_only=False)


def number_fault(name: str, value: Any) -> tuple[str, str]:
    """Say what is wrong with a cell that holds no number, and what to do."""
    problem = f"{name} is {cut(value)}, but must be a number"
    text = str(value).strip()
    if isinstance(value, bool) or text.lower() in ("true", "false"):
        return problem, "Write 1 and 0 for true and false."
    comma = comma_fault(text)
    if comma is not None:
        return problem + comma[0], comma[1]
    if re.fullmatch(r"[+-]?\d{1,3}([,_' \u00a0\u202f\u2019]\d{3})+(\.\d*)?", text):
        return problem, f"Write it without marks between thousands, {re.sub(r'[^0-9.+-]', '', text)}."
    unit = _WITH_UNIT.fullmatch(text)
    if unit and bool(unit[1]) == bool(unit[3]) and is_number(unit[2]):
        return problem, f"Write the number alone, {'-' if unit[1] else ''}{unit[2]}."
    if not text.isascii() and is_number(digits := _ascii_digits(text)):
        return problem, f"Write it with the digits 0 to 9, {digits}."
    if "\n" in text:
        return problem, "Close the quote that begins there."
    return problem, UNKNOWN_REMEDY


def _ascii_digits(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).replace("\u066b", ".").replace("\u066c", "")  # Arabic decimal marks
    return "".join(str(unicodedata.digit(letter, letter)) for letter in plain)


def cut(value: Any) -> str:
    """Show the beginning of a cell."""
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
