"""The exception that is shown to a user as a single line, and the one that is not."""

from __future__ import annotations

import difflib
from pathlib import Path


class InputError(ValueError):
    """Something the user supplied cannot be used; says what, where, how many and what to do.

    Parameters
    ----------
    problem : str
        What is wrong, as a clause ("column 'age' is missing").
    file : str or Path, optional
        The file, table or card at fault.
    column : str, optional
        The column, field or region at fault.
    subjects : int, optional
        Number of subjects concerned.
    of : int, optional
        Number of subjects looked at.
    remedy : str
        What the user can do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        column: str | None = None,
        subjects: int | None = None,
        of: int | None = None,
        remedy: str,
    ) -> None:
        where = [] if file is None else [str(file)]
        if column is not None:
            where.append(f"column '{column}'")
        count = ""
        if subjects is not None:
            count = (
                f" ({subjects} of {of} subjects)" if of is not None else f" ({subjects} subjects)"
            )
        prefix = ", ".join(where)
        problem = problem.rstrip(". ")
        stop = "" if problem.endswith("?") and not count else "."
        line = f"{problem}{count}{stop} {remedy}"
        line = f"{prefix}: {line}" if prefix else line
        # One line on a terminal and in a log: whatever came in with line breaks loses them.
        super().__init__(" ".join(line.split()))

    def __reduce__(self):
        # Rebuilt from its message, since worker processes send errors pickled.
        return _rebuild, (type(self), str(self))


def _rebuild(kind: type[InputError], message: str) -> InputError:
    error = kind.__new__(kind)
    ValueError.__init__(error, message)
    return error


class Defect(RuntimeError):
    """Something that cannot come from what the user supplied: a fault of this program.

    It keeps its traceback, which whoever mends the program needs.

    Parameters
    ----------
    problem : str
        What does not hold, as a clause.
    """

    def __init__(self, problem: str) -> None:
        problem = problem.rstrip(". ")
        super().__init__(f"{problem}. This is a defect of the program; please report it.")


def listing(names, limit: int = 5) -> str:
    """Join names for a message, the first few of them and a count of the rest."""
    names = [str(name) for name in names]
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def nearest(name: str, among) -> str:
    """Suggestion for a misspelt name, or nothing."""
    among = [str(each) for each in among]
    close = difflib.get_close_matches(name, among, n=1, cutoff=0.5)
    close = close or [each for each in among if name and each.startswith(name)]
    return f", did you mean '{close[0]}'?" if close else ""
