"""The error of one recording that cannot be used, while others can."""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.foundation.errors import InputError


class UnusableRecording(InputError):
    """A recording that cannot become features.

    Parameters
    ----------
    reason : str
        Short reason, the same for all recordings with that defect, by which they are counted.
    problem : str
        What is wrong with this one.
    **where
        As `InputError` takes it.
    """

    def __init__(self, reason: str, problem: str, **where: Any) -> None:
        super().__init__(problem, **where)
        self.reason = reason
