"""Disclosure control: what leaves a cohort holds aggregates only."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from datetime import date
from typing import Any

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.identifiers import ENCODED, Identifiers

MINIMUM_CELL = 10
# No cohort may show smaller counts, whatever its configuration or a command line says.
FLOOR = 5
# In the place of a number that would tell a small group by subtraction.
HIDDEN = "hidden"
# No aggregate of ours is a longer row of plain numbers, a longer text, or a larger mapping.
LONGEST_ARRAY = 50
LONGEST_TEXT = 2_000
LARGEST_MAPPING = 2_000
EXTREME_DIGITS = 2
# Words for people. A whole number under a key with one of them counts people, and so does one
# under a key that ends in `n`.
PEOPLE = (
    "subjects|people|persons|participants|individuals|patients|probands|cases|controls|males|"
    "females|men|women|boys|girls|children|adults|carriers|twins|siblings|relatives|excluded|"
    "remaining|withdrawn"
)
COUNT_KEY = re.compile(rf"(?:^|[._ ])(?:(?:n|count|counts)$|(?:{PEOPLE})(?:$|[._ ]))")
# Of these keys the number is another one.
SHARE = rf"(?:share|proportion|fraction)_of_(?:{PEOPLE})"
NO_COUNT = re.compile(rf"(?:^|[._])(?:subjects_per_\w+|\w+_per_subject|{SHARE})$")
SHARE_KEY = re.compile(rf"(?:^|[._ ])(?:prevalence|{SHARE})$")
TOTAL_KEY = re.compile(rf"(?:^|[._ ])(?:n|n_subjects|n_people|(?:{PEOPLE}))$")
COUNTED = {
    word: i
    for i, word in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], start=1
    )
}
SPELLED = "|".join(COUNTED)
COUNT_TEXT = (
    re.compile(rf"(?<![\w.,/–-])(\d+|{SPELLED}) (?:(?!of|in|per|to)[a-z]+ )?(?:{PEOPLE})\b", re.I),
    re.compile(r"(?<!\w)n ?= ?(\d+)(?![\d.,]\d|\d)", re.I),
    re.compile(rf"\b(?:{PEOPLE}) ?[:=] ?(\d+)(?![\d.,]\d|\d)", re.I),
)
EXTREME_KEY = re.compile(
    r"(^|[._])(min|max|minimum|maximum|lowest|highest|youngest|oldest|range)($|[._])"
)
DIGITS = re.compile(r"\d+")
INLINE = re.compile(r"</?(?:a|abbr|b|code|em|i|mark|small|span|strong|sub|sup|u)\b[^>]*>")
MARKUP = re.compile(r"<style.*?</style>|<[^>]+>", re.S)
WHOLE = re.compile(r"\d{1,9}(?:\.0*)?")
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
# Tables of a result card: their rows are models and components, never subjects, and a study of few
# subjects may well have more rows than subjects.
TABLES = {
    "metrics", "comparisons", "attribution", "associations", "cca", "dimensions", "significant",
    "checks", "verdict",
}  # fmt: skip


def check_disclosure(
    data: Any,
    subject_ids: Identifiers | Collection[str],
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
    subject_ids : Identifiers or collection of str
        Of the cohort, raw and canonical.
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
    ids = as_identifiers(subject_ids)
    _Check(ids, n_subjects or len(ids), minimum).walk(data, where, "")


class _Check:
    """One pass over a document."""

    def __init__(self, ids: Identifiers, n: int, minimum: int) -> None:
        self.ids, self.n, self.minimum = ids, n, max(minimum, FLOOR)
        self.few = max(n, self.minimum)

    def walk(self, data: Any, where: str, key: str) -> None:
        if isinstance(data, Mapping):
            self._mapping(data, where)
        elif isinstance(data, str):
            self._text(data, where)
            if WHOLE.fullmatch(data.strip()):
                self._count(float(data), where, key)
        elif isinstance(data, Sequence | Set) and not isinstance(data, bytes | bytearray):
            self._sequence(list(data), where, key)
        elif _is_number(data):
            self._number(data, where, key)
        elif hasattr(data, "item") and getattr(data, "ndim", None) == 0:
            self.walk(data.item(), where, key)
        elif data is not None and not isinstance(data, bool | float | date):
            raise InputError(
                f"{where} is a {type(data).__name__}, whose content cannot be looked at",
                remedy="Publish numbers, texts, lists and mappings.",
            )

    def _number(self, value: float, where: str, key: str) -> None:
        if self.ids.is_number(value):
            raise InputError(f"{where} holds a subject identifier", remedy="Remove it.")
        self._count(value, where, key)
        if EXTREME_KEY.search(key) and float(f"{value:.{EXTREME_DIGITS}g}") != value:
            raise InputError(
                f"{where} is an extreme given exactly, which is one subject's value",
                remedy=f"Round it to {EXTREME_DIGITS} significant digits.",
            )

    def _count(self, value: float, where: str, key: str) -> None:
        if counts_people(key) and 0 < value < self.minimum and float(value).is_integer():
            raise InputError(
                f"{where} counts {value:g} subjects, fewer than {self.minimum}",
                remedy="Show it as a bound, or merge it with another group.",
            )

    def _mapping(self, data: Mapping, where: str) -> None:
        # A run may well report more numbers than it has subjects, each under a name of its own;
        # names that differ in a number alone are a list.
        scalars = [str(k) for k, v in data.items() if isinstance(v, int | float)]
        alike = max(Counter(DIGITS.sub("#", name) for name in scalars).values(), default=0)
        too_many = alike > LONGEST_ARRAY or (self.n and alike >= self.few)
        if too_many or len(scalars) > LARGEST_MAPPING:
            raise self._rows(where, len(scalars))
        self._shares(data, where)
        for name, value in data.items():
            key = str(name)
            self._text(key, where)
            self.walk(value, f"{where}.{key}", key)

    def _shares(self, data: Mapping, where: str) -> None:
        # A share of people and their number give the count that is not shown.
        numbers = {str(k): v for k, v in data.items() if _is_number(v)}
        # A row of a long table names its number in another cell.
        named = {
            str(data[c]): data["value"]
            for c in ("metric", "measure")
            if c in data and _is_number(data.get("value"))
        }
        totals = [v for k, v in numbers.items() if TOTAL_KEY.search(k.lower())]
        n = max([*totals, self.n])
        for key, share in {**numbers, **named}.items():
            if not SHARE_KEY.search(key.lower()) or not 0 < share < 1 or not n:
                continue
            few = min(share, 1 - share) * n
            if round(few) < self.minimum:
                raise InputError(
                    f"{where}.{key} is a share of {n:g} people that makes fewer than "
                    f"{self.minimum} of them",
                    remedy="Show it as a bound, or merge the group with another.",
                )

    def _sequence(self, data: Sequence, where: str, key: str) -> None:
        rows = len(data)
        plain = sum(isinstance(v, int | float) and not isinstance(v, bool) for v in data)
        named = key in TABLES and all(isinstance(v, Mapping) for v in data)
        if plain > LONGEST_ARRAY or (self.n and rows >= self.few and not named):
            raise self._rows(where, rows)
        for i, item in enumerate(data):
            self.walk(item, f"{where}[{i}]", key)

    def _text(self, text: str, where: str) -> None:
        find_identifier(text, self.ids, where)
        few = small_count(text, self.minimum)
        if few is not None:
            raise _says_few(where, few, self.minimum)
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


def _says_few(where: str, few: str, minimum: int) -> InputError:
    return InputError(
        f"{where} says '{few}', a count of fewer than {minimum} subjects",
        remedy="Say it as a bound, or merge the group with another.",
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def as_identifiers(ids: Identifiers | Collection[str]) -> Identifiers:
    """Identifiers to look for; what was prepared already is taken as it is."""
    return ids if isinstance(ids, Identifiers) else Identifiers(ids)


def find_identifier(text: str, ids: Identifiers, where: str) -> None:
    """Look for every identifier in a text, in every spelling, also inside a file name.

    Parameters
    ----------
    text : str
        What is going to leave the machine.
    ids : Identifiers
        Of the cohort.
    where : str
        Name used in messages.

    Raises
    ------
    InputError
        At the first one found; the message does not repeat it.
    """
    if ids.in_text(text):
        raise InputError(f"{where} holds a subject identifier", remedy="Remove it.")


def check_page(page: str, ids: Identifiers, *, minimum: int = MINIMUM_CELL, where: str) -> None:
    """Refuse a page that names somebody or counts few people in words.

    Parameters
    ----------
    page : str
        HTML or plain text; pictures inside are left out.
    ids : Identifiers
        Of the cohort.
    minimum : int
        Smallest count of subjects that may be shown.
    where : str
        Name used in messages.

    Raises
    ------
    InputError
    """
    page = ENCODED.sub(" ", page)
    find_identifier(page, ids, where)
    # A cell and the one beside it are no sentence; a word in bold is part of one.
    text = html.unescape(MARKUP.sub(" ¦ ", INLINE.sub("", page)))
    few = small_count(" ".join(text.split()), max(minimum, FLOOR))
    if few is not None:
        raise _says_few(where, few, minimum)


def check_frame(
    table: pd.DataFrame, ids: Identifiers, *, minimum: int = MINIMUM_CELL, where: str
) -> None:
    """Refuse a table that names somebody or counts few people, in a name, a number or a word.

    Parameters
    ----------
    table : DataFrame
        Rows are models, genes or groups, never people.
    ids : Identifiers
        Of the cohort.
    minimum : int
        Smallest count of subjects that may be shown.
    where : str
        Name used in messages.

    Raises
    ------
    InputError
    """
    check = _Check(ids, len(ids), minimum)
    for name, column in table.reset_index().items():
        check.walk(str(name), where, "")
        for value in column.dropna().unique():
            if isinstance(value, str) or counts_people(str(name)):
                check.walk(value, f"{where}, column '{name}'", str(name))


def counts_people(key: str) -> bool:
    """Whether a whole number under a key counts people."""
    return bool(COUNT_KEY.search(key.lower())) and not NO_COUNT.search(key.lower())


def small_count(text: str, minimum: int) -> str | None:
    """Words of a text that count fewer people than may be shown, if there are any.

    Parameters
    ----------
    text : str
        One sentence or more.
    minimum : int
        Smallest count of subjects that may be shown.

    Examples
    --------
    >>> small_count("left out: 3 participants", 10), small_count("fewer than 10 people", 10)
    ('3 participants', None)
    """
    for pattern in COUNT_TEXT:
        for match in pattern.finditer(text):
            word = match.group(1).lower()
            if 0 < (COUNTED.get(word) or int(word if word.isdigit() else 0)) < minimum:
                return match.group()
    return None


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
    minimum = max(minimum, FLOOR)
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
                else HIDDEN,
                "remaining": shown[i] if shown[i] is not None else HIDDEN,
            }
        )
    return out
