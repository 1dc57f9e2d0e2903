"""Two runs of one cohort at once: each result is that of the run alone, or refused in one line."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import yaml

from tests.chaos.ground import Attempt, Ground

# Experiments on the same features, and on features of other quality limits.
OTHERS = {
    "same": (),
    "quality": ("--params=smri.quality.min_euler_number=-150",),
    "seed": ("--params=experiment.seed=7",),
}


def alone(ground: Ground) -> dict[str, tuple]:
    """What each run says when nothing disturbs it."""
    said = {}
    for name, options in OTHERS.items():
        ground.clear()
        ground.run(*ground.options, *options)
        said[name] = statement(ground.results[-1].read_text(encoding="utf-8"))
    return said


def statement(card: str) -> tuple:
    """Numbers of a result card."""
    content = yaml.safe_load(card)
    return content["n_subjects"], repr(content["primary"]), repr(content["sample_flow"])


def races(ground: Ground, n: int, seed: int = 0) -> Iterator[Attempt]:
    """Start two runs with a random gap and compare what each published.

    Parameters
    ----------
    ground : Ground
        A project.
    n : int
        Pairs.
    seed : int
        Of the gaps.
    """
    draw = random.Random(seed)
    expected = alone(ground)
    names = list(OTHERS)
    for i in range(n):
        ground.clear()
        first, second = names[i % 3], names[(i + 1 + i // 3 % 2) % 3]
        gap = draw.uniform(0, 1.2) * ground.seconds
        attempt = Attempt(f"{first} and {second}, {gap:.1f} s apart")
        runs = [ground.start(*ground.options, *OTHERS[first])]
        time.sleep(gap)
        runs.append(ground.start(*ground.options, *OTHERS[second]))
        codes = [run.wait() for run in runs]
        attempt.faults += [f"exit code {code}" for code in codes if code not in (0, 1)]
        found = {statement(file.read_text(encoding="utf-8")) for file in ground.results}
        allowed = {expected[first], expected[second]}
        attempt.faults += [f"published wrong numbers (N = {f[0]})" for f in found - allowed]
        if codes == [0, 0] and len(found) != len(allowed):
            attempt.faults.append(f"{len(found)} of {len(allowed)} results")
        attempt.faults += ground.leavings()
        yield attempt
