"""One way to make cohorts and what is run on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scenario:
    """One way to make cohorts and what is run on them.

    Attributes
    ----------
    settings : CohortSettings, Population or another
        What `run` simulates.
    run : callable
        ``run(settings, seed, **experiment)`` to p-values (or, for coverage, 0/1 flags) by kind.
    question : {"null", "power", "coverage", "violation"}
        What p-values of at most 0.05 are: errors, power, or errors that are expected of a test
        whose assumption is broken. Warnings are counted as such whatever the question.
    experiment : mapping
        What differs in the experiment.
    true_kinds : tuple of str
        Kinds that are not null in this scenario (a true first component), reported as power.
    """

    settings: Any
    run: Callable[..., Mapping[str, float]]
    question: str = "null"
    experiment: Mapping[str, Any] = field(default_factory=dict)
    true_kinds: tuple[str, ...] = ()
