"""Runs killed at random moments, and at the moments that hurt most."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.chaos.ground import Attempt, Ground

# Loaded by Python itself before anything else: kills the process at the n-th call of a function.
AIMED = """
import importlib, os, signal, sys
target, _, number = os.environ.get("NGKB_CHAOS_AT", "").rpartition(":")
if target:
    after = target.endswith("+")
    place, _, name = target.rstrip("+").rpartition(".")
    calls = [0]
    def arm(module):
        original = getattr(module, name)
        def deadly(*arguments, **options):
            calls[0] += 1
            hit = calls[0] == int(number)
            if hit and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(*arguments, **options)
            if hit:
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        setattr(module, name, deadly)
    if place in sys.modules or place == "os":
        arm(importlib.import_module(place))
    else:
        import importlib.abc
        class Finder(importlib.abc.MetaPathFinder):
            def find_spec(self, fullname, path, target=None):
                if fullname != place:
                    return None
                sys.meta_path.remove(self)
                spec = importlib.util.find_spec(fullname)
                loaded = spec.loader.exec_module
                def exec_module(module):
                    loaded(module)
                    arm(module)
                spec.loader.exec_module = exec_module
                return spec
        import importlib.util
        sys.meta_path.insert(0, Finder())
"""
# Every step that makes something visible; + is after it, else before.
POINTS = [
    *(f"os.replace{after}:{n}" for n in range(1, 9) for after in ("", "+")),
    *(f"mlflow.log_artifact{after}:{n}" for n in (1, 5, 12) for after in ("", "+")),
    "mlflow.log_metrics:1", "mlflow.log_metrics+:1", "mlflow.set_tag:2", "mlflow.set_tags+:2",
    "neurogenomics_kb.registry.publish.refresh_decision:1",
    "neurogenomics_kb.registry.publish.refresh_decision+:1",
    "neurogenomics_kb.registry.publish.write_tables:1",
    "neurogenomics_kb.registry.publish.write_tables+:1",
]  # fmt: skip


def random_kills(ground: Ground, n: int, seed: int = 0) -> Iterator[Attempt]:
    """Kill runs at random moments and resume each.

    Parameters
    ----------
    ground : Ground
        After `Ground.learn`.
    n : int
        Attempts.
    seed : int
        Of the moments.
    """
    draw = random.Random(seed)
    for _ in range(n):
        ground.clear()
        moment = draw.uniform(0.05, 1.0) * ground.seconds
        if ground.kill_after(moment):
            yield ground.resumed(f"killed after {moment:.1f} s")


def aimed_kills(ground: Ground, points: list[str]) -> Iterator[Attempt]:
    """Kill runs at steps that make something visible, and resume each.

    Parameters
    ----------
    ground : Ground
        After `Ground.learn`.
    points : list of str
        ``module.function:number of the call``; with ``+`` after the call instead of before it.
    """
    folder = ground.path / "chaos"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(AIMED, encoding="utf-8")
    for point in points:
        ground.clear()
        path = f"{folder}:{ground.environment['PYTHONPATH']}"
        running = ground.start(*ground.options, PYTHONPATH=path, NGKB_CHAOS_AT=point)
        if running.wait() == -9:
            yield ground.resumed(f"killed at {point}")
        else:
            yield Attempt(f"killed at {point}", ["the point was never reached"])
