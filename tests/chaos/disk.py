"""Runs on a disk that fills up, and in folders that lost the right to be written."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.ground import Attempt, Ground

ROOMY = "4g"
# What runs write, from the cohort's folders to the tracking store; a file is one of a kind that is
# opened for writing, not replaced.
PLACES = ("data/03_primary", "data/04_feature", "data/05_model_input", "data/07_model_output",
          "data/08_reporting", "kb/results", "kb/decisions", "mlflow.db")  # fmt: skip
# Root writes anywhere unless these are taken from it.
POWERS = "-dac_override,-dac_read_search"


def without_powers() -> list[str] | None:
    """What to put before a command that is to obey rights; None if that cannot be done here."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set", POWERS] if shutil.which("setpriv") else None


def can_mount(folder: Path) -> bool:
    """Mount a file system of limited size in a folder; only root may."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0


def unmount(folder: Path) -> None:
    """Take it away again."""
    subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _resize(folder: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def full_disks(ground: Ground, folder: Path, n: int, seed: int = 0) -> Iterator[Attempt]:
    """Run with a random amount of room, then resume with enough.

    Parameters
    ----------
    ground : Ground
        After `Ground.learn`, below `folder`.
    folder : Path
        From `can_mount`.
    n : int
        Attempts.
    seed : int
        Of the amounts.
    """
    draw = random.Random(seed)
    used = shutil.disk_usage(folder).used
    ground.clear()
    needed = used - shutil.disk_usage(folder).used
    for _ in range(n):
        ground.clear()
        room = int(draw.uniform(0.02, 0.95) * needed)
        # What is there, and a little that the tracking store takes again and again.
        _resize(folder, f"{(shutil.disk_usage(folder).used + room) // 1024}k")
        done = ground.kedro("run", "--pipeline=integration", *ground.options)
        _resize(folder, ROOMY)
        yield _after(ground, done, f"room for {room / 1e6:.1f} of {needed / 1e6:.1f} MB")


def lost_rights(ground: Ground, n: int) -> Iterator[Attempt]:
    """Run where a folder or the tracking store may not be written, then resume where it may.

    Parameters
    ----------
    ground : Ground
        After `Ground.learn`, with what `without_powers` says before its commands.
    n : int
        How many of `PLACES`.
    """
    for name in PLACES[:n]:
        ground.clear()
        place = ground.path / name
        if not place.suffix:
            (place / ("demo" if name.startswith("data") else "local")).mkdir(
                parents=True, exist_ok=True
            )
        every = [place, *place.rglob("*")] if place.is_dir() else [place]
        for one in every:
            one.chmod(one.stat().st_mode & ~0o222)
        done = ground.kedro("run", "--pipeline=integration", *ground.options)
        for one in every:
            if one.exists():
                one.chmod(one.stat().st_mode | 0o200)
        yield _after(ground, done, f"no right to write {name}")


def _after(ground: Ground, done: subprocess.CompletedProcess, what: str) -> Attempt:
    """What a run that could not write said, and what resuming makes of what it left."""
    attempt = Attempt(what)
    said = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    if "Traceback" in done.stderr:
        attempt.faults.append(f"a traceback: {done.stderr.strip().splitlines()[-1][:200]}")
    elif done.returncode and len(said) != 1:
        attempt.faults.append(f"{len(said)} lines of error: {done.stderr.strip()[-200:]}")
    resumed = ground.resumed(what)
    return Attempt(what, attempt.faults + resumed.faults)
