"""How far a loop is and how long it will take, in a few lines of the log."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger(__name__)

# Work shorter than this says nothing.
SHORT = 5.0
SOONEST, LATEST = 10.0, 300.0


class Progress:
    """Lines about every tenth of the work, none more often than every ten seconds.

    Parameters
    ----------
    label : str
        What is done.
    total : int
        Number of parts.
    """

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total, self.done = label, total, 0
        self._start = self._last = time.monotonic()

    def rest_s(self) -> float:
        """Seconds that the rest will take, as it went so far; 0 before the first part is done."""
        if not self.done:
            return 0.0
        return (time.monotonic() - self._start) / self.done * (self.total - self.done)

    def add(self, parts: int) -> None:
        """Count parts that are done.

        Parameters
        ----------
        parts : int
            How many.
        """
        self.done += parts
        self.tell()

    def tell(self) -> None:
        """Write a line if it is time."""
        now, rest = time.monotonic(), self.rest_s()
        whole = now - self._start + rest
        if not self.label or whole < SHORT or now - self._start < SHORT:
            return
        if now - self._last < min(max(whole / 10, SOONEST), LATEST) or self.done == self.total:
            return
        self._last = now
        left = f", about {said(rest)} left" if self.done else ""
        logger.info("%s: %d of %d%s", self.label, self.done, self.total, left)


def said(seconds: float) -> str:
    """A time in words.

    Parameters
    ----------
    seconds : float
        The time.

    Examples
    --------
    >>> said(42), said(600), said(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
