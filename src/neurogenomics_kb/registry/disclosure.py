"""Disclosure control: what leaves a cohort holds aggregates only."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from neurogenomics_kb.errors import InputError

MINIMUM_CELL = 10
# Keys whose integers count subjects.
COUNT_KEY = re.compile(r"^(n|n_subjects|n_excluded|n_cases|n_controls|count|excluded|remaining)$")


def check_disclosure(
    data: Any, subject_ids: Collection[str], *, minimum: int = MINIMUM_CELL, where: str = "card"
) -> None:
    """Refuse subject identifiers, row-level arrays and small cells.

    Parameters
    ----------
    data : object
        Mappings, lists and scalars about to be published.
    subject_ids : collection of str
        Identifiers of the cohort, raw and canonical.
    minimum : int
        Smallest count of subjects that may be shown.
    where : str
        Name used in messages.

    Raises
    ------
    InputError
    """
    ids = {str(i) for i in subject_ids}
    _walk(data, ids, len(ids), minimum, where)


def _walk(data: Any, ids: set[str], n: int, minimum: int, where: str) -> None:
    if isinstance(data, Mapping):
        for key, value in data.items():
            _refuse_id(str(key), ids, where)
            count = isinstance(value, int) and not isinstance(value, bool)
            if count and COUNT_KEY.match(str(key)) and 0 < value < minimum:
                raise InputError(
                    f"{where}.{key} counts {value} subjects, fewer than {minimum}",
                    remedy="Show it as a bound, or merge it with another group.",
                )
            _walk(value, ids, n, minimum, f"{where}.{key}")
    elif isinstance(data, str):
        _refuse_id(data, ids, where)
    elif isinstance(data, Sequence):
        if n and len(data) >= n:
            raise InputError(
                f"{where} has {len(data)} entries for {n} subjects, so it may hold one per subject",
                remedy="Publish a summary of it.",
            )
        for i, item in enumerate(data):
            _walk(item, ids, n, minimum, f"{where}[{i}]")
    elif isinstance(data, int | float) and str(data) in ids and len(str(data)) > 4:
        raise InputError(f"{where} holds a subject identifier", remedy="Remove it.")


def _refuse_id(text: str, ids: set[str], where: str) -> None:
    """Look for every identifier in the text, also inside a file name, at word boundaries."""
    for length in {len(i) for i in ids}:
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


def suppress_flow(flow: list[dict[str, Any]], minimum: int = MINIMUM_CELL) -> list[dict[str, Any]]:
    """Sample flow without counts that reveal a small group, not even by subtraction.

    Parameters
    ----------
    flow : list of dict
        Steps with ``step``, ``excluded`` and ``remaining``, in order.
    minimum : int

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
