"""Disclosure control: what leaves a cohort holds aggregates only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from neurogenomics_kb.foundation.errors import InputError

MINIMUM_CELL = 10
# No aggregate of ours is a longer row of plain numbers, a longer text, or a larger mapping.
LONGEST_ARRAY = 50
LONGEST_TEXT = 2_000
LARGEST_MAPPING = 2_000
EXTREME_DIGITS = 2
# Keys whose integers count subjects, also as the last part of a dotted metric name.
COUNT_KEY = re.compile(
    r"(^|\.)(n|n_subjects|n_excluded|n_cases|n_controls|count|excluded|remaining)$"
)
EXTREME_KEY = re.compile(
    r"(^|[._])(min|max|minimum|maximum|lowest|highest|youngest|oldest|range)($|[._])"
)
DIGITS = re.compile(r"\d+")
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
# Tables of a result card: their rows are models and components, never subjects, and a study of few
# subjects may well have more rows than subjects.
TABLES = {
    "metrics", "comparisons", "attribution", "associations", "cca", "dimensions", "significant",
    "checks", "verdict",
}  # fmt: skip


def check_disclosure(
    data: Any,
    subject_ids: Collection[str],
    *,
    n_subjects: int | None = None,
    minimum: int = MINIMUM_CELL,
    where: str = "card",
) -> None:
    """Refuse subject identifiers, row-level data, small cells and exact extremes.

    Parameters
    ----------
    data : object
        Mappings, lists and scalars about to be published.
    subject_ids : collection of str
        Identifiers of the cohort, raw and canonical.
    n_subjects : int, optional
        Size of the cohort, where identifiers are not at hand; their number by default.
    minimum : int
        Smallest count of subjects that may be shown.
    where : str
        Name used in messages.

    Raises
    ------
    InputError
    """
    ids = {str(i) for i in subject_ids}
    _Check(ids, n_subjects or len(ids), minimum).walk(data, where, "")


class _Check:
    """One pass over a document."""

    def __init__(self, ids: set[str], n: int, minimum: int) -> None:
        self.ids, self.n, self.minimum = ids, n, minimum
        self.few = max(n, minimum)
        self.lengths = sorted({len(i) for i in ids})

    def walk(self, data: Any, where: str, key: str) -> None:
        if isinstance(data, Mapping):
            self._mapping(data, where)
        elif isinstance(data, str):
            self._text(data, where)
        elif isinstance(data, Sequence):
            self._sequence(data, where, key)
        elif isinstance(data, int | float) and not isinstance(data, bool):
            if str(data) in self.ids and len(str(data)) > 4:
                raise InputError(f"{where} holds a subject identifier", remedy="Remove it.")
            if EXTREME_KEY.search(key) and float(f"{data:.{EXTREME_DIGITS}g}") != data:
                raise InputError(
                    f"{where} is an extreme given exactly, which is one subject's value",
                    remedy=f"Round it to {EXTREME_DIGITS} significant digits.",
                )

    def _mapping(self, data: Mapping, where: str) -> None:
        # A run may well report more numbers than it has subjects, each under a name of its own;
        # names that differ in a number alone are a list.
        scalars = [str(k) for k, v in data.items() if isinstance(v, int | float)]
        alike = max(Counter(DIGITS.sub("#", name) for name in scalars).values(), default=0)
        too_many = alike > LONGEST_ARRAY or (self.n and alike >= self.few)
        if too_many or len(scalars) > LARGEST_MAPPING:
            raise self._rows(where, len(scalars))
        for name, value in data.items():
            key = str(name)
            self._text(key, where)
            count = isinstance(value, int | float) and not isinstance(value, bool)
            if count and COUNT_KEY.search(key) and 0 < value < self.minimum:
                raise InputError(
                    f"{where}.{key} counts {value:g} subjects, fewer than {self.minimum}",
                    remedy="Show it as a bound, or merge it with another group.",
                )
            self.walk(value, f"{where}.{key}", key)

    def _sequence(self, data: Sequence, where: str, key: str) -> None:
        rows = len(data)
        plain = sum(isinstance(v, int | float) and not isinstance(v, bool) for v in data)
        named = key in TABLES and all(isinstance(v, Mapping) for v in data)
        if plain > LONGEST_ARRAY or (self.n and rows >= self.few and not named):
            raise self._rows(where, rows)
        for i, item in enumerate(data):
            self.walk(item, f"{where}[{i}]", key)

    def _text(self, text: str, where: str) -> None:
        find_identifier(text, self.ids, where, self.lengths)
        if len(text) > LONGEST_TEXT or sum(1 for _ in NUMBER.finditer(text)) > LONGEST_ARRAY:
            raise InputError(
                f"{where} is a text of {len(text):,} characters, which may hold rows",
                remedy="Publish a summary of it.",
            )

    def _rows(self, where: str, rows: int) -> InputError:
        of = f" for {self.n} subjects" if self.n else ""
        return InputError(
            f"{where} has {rows} entries{of}, so it may hold one per subject",
            remedy="Publish a summary of it.",
        )


def find_identifier(
    text: str, ids: set[str], where: str, lengths: Sequence[int] | None = None
) -> None:
    """Look for every identifier in a text, also inside a file name, at word boundaries.

    Raises
    ------
    InputError
        At the first one found; the message does not repeat it.
    """
    for length in lengths if lengths is not None else sorted({len(i) for i in ids}):
        for start in range(len(text) - length + 1):
            end = start + length
            found = text[start:end]
            if found not in ids:
                continue
            # Short numbers would match ordinary ones; up to four digits identify nobody alone.
            if found.isdigit() and length < 5:
                continue
            if not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
                raise InputError(f"{where} holds a subject identifier", remedy="Remove it.")


def round_extremes(data: Any, key: str = "") -> Any:
    """Copy in which minima, maxima and ranges have two significant digits."""
    if isinstance(data, Mapping):
        return {k: round_extremes(v, str(k)) for k, v in data.items()}
    if isinstance(data, list | tuple):
        return [round_extremes(v, key) for v in data]
    if isinstance(data, float) and EXTREME_KEY.search(key):
        return float(f"{data:.{EXTREME_DIGITS}g}")
    return data


def texts_of_figure(figure: Any) -> Iterator[str]:
    """Every text drawn in a matplotlib figure."""
    for artist in figure.findobj(lambda a: hasattr(a, "get_text")):
        text = artist.get_text()
        if isinstance(text, str) and text:
            yield text


def public_reason(error: Exception, minimum: int = MINIMUM_CELL) -> str:
    """What an error says, for tables that leave the machine: no small count, no folder.

    Parameters
    ----------
    error : Exception
        What happened; the log has it whole.
    minimum : int
        Smallest count of subjects that may be shown.
    """
    text = re.sub(r" \(\d+(?: of \d+)? subjects\)", "", str(error))
    text = re.sub(r"(?<![\w.])/(?:[^\s/'\"]+/)+", "", text)
    small = "|".join(str(i) for i in range(minimum))
    return re.sub(rf"(?<![\w.,-])({small})(?![\w.,]|-\w)", f"fewer than {minimum}", text)


def suppress_flow(flow: list[dict[str, Any]], minimum: int = MINIMUM_CELL) -> list[dict[str, Any]]:
    """Sample flow without counts that reveal a small group, not even by subtraction.

    Parameters
    ----------
    flow : list of dict
        Steps with ``step``, ``excluded`` and ``remaining``, in order.
    minimum : int
        Smallest count that may be shown.

    Returns
    -------
    list of dict
        The last ``remaining`` is kept; an earlier one is kept when it differs from the next shown
        one by nothing or by at least `minimum`. ``excluded`` is shown where it adds nothing new.
    """
    shown: list[int | None] = [None] * len(flow)
    following: int | None = None
    for i in range(len(flow) - 1, -1, -1):
        remaining = int(flow[i]["remaining"])
        if following is None or remaining == following or remaining - following >= minimum:
            shown[i] = following = remaining
    out = []
    for i, step in enumerate(flow):
        before = shown[i - 1] if i else None
        excluded = int(step["excluded"])
        visible = excluded == 0 or (i > 0 and before is not None and shown[i] is not None)
        out.append(
            {
                "step": step["step"],
                "excluded": excluded
                if visible
                else f"<{minimum}"
                if excluded < minimum
                else "hidden",
                "remaining": shown[i] if shown[i] is not None else "hidden",
            }
        )
    return out
