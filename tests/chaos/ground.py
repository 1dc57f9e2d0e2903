"""A copy of the project in which runs are killed and raced, and what must hold afterwards."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import pandas as pd

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.places import LOCAL
from neurogenomics_kb.registry.publish import TIMES, evidence_of, stored_result
from tests.conftest import Project

# Enough of a run to have every kind of output, in some seconds.
QUICK = {"n_permutations": 19, "analyses": ["cca", "prediction"]}
MADE = ("02_intermediate", "03_primary", "04_feature", "05_model_input", "06_models",
        "07_model_output", "08_reporting")  # fmt: skip
# What says when, where and how fast something was made, or was worth keeping.
OF_THE_MOMENT = {"resources.json", "report.html", "result_card.yaml", "view.json",
                 "releases.csv"}  # fmt: skip
SPEED = {"parts", "cache"}
LIMIT_S = 600


def timeless(file: Path) -> bytes:
    """Content of a file, without the columns that say how long something took."""
    if file.suffix != ".csv":
        return file.read_bytes()
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    return table.drop(columns=[c for c in table if c in TIMES]).to_csv().encode()


@dataclass
class Attempt:
    """What one attempt to break something did.

    Attributes
    ----------
    what : str
        The attempt.
    faults : list of str
        Everything that does not hold afterwards; empty where it was survived.
    """

    what: str
    faults: list[str] = field(default_factory=list)


class Ground(Project):
    """A project with the outputs of a run that nobody disturbed, to compare with.

    Parameters
    ----------
    path : Path
        Where to put it.
    before : sequence of str
        Command that runs Kedro's, such as one that takes rights away.
    """

    def __init__(self, path: Path, before: Sequence[str] = ()) -> None:
        super().__init__(path)
        self.before = list(before)
        self.options = self.changed(**QUICK)
        self.seconds = 0.0
        self.whole: dict[str, str] = {}

    @classmethod
    def learnt(cls, path: Path, before: Sequence[str] = ()) -> Ground:
        """A ground after its first run."""
        ground = cls(path, before)
        ground.learn()
        return ground

    def command(self, *arguments: str) -> list[str]:
        """Kedro command line, behind what runs it with fewer rights."""
        return [*self.before, *super().command(*arguments)]

    def learn(self) -> None:
        """Run once, and remember what it made and how long it took."""
        start = time.monotonic()
        self.run(*self.options)
        self.seconds = time.monotonic() - start
        self.whole = self.digest()

    def clear(self) -> None:
        """Delete whatever runs made, the tracking store left out."""
        for folder in MADE:
            shutil.rmtree(self.path / "data" / folder / "demo", ignore_errors=True)
        for folder in ("results", "decisions"):
            shutil.rmtree(self.path / "kb" / folder / "local", ignore_errors=True)

    def digest(self) -> dict[str, str]:
        """Hash of every output by its path, and of what result cards say."""
        found = {}
        for folder in MADE:
            for file in sorted((self.path / "data" / folder / "demo").rglob("*")):
                own = file.relative_to(self.path)
                momentary = file.name in OF_THE_MOMENT or SPEED & set(own.parts)
                if file.is_file() and not momentary and file.name[0] != ".":
                    name = own.as_posix()
                    found[name] = hashlib.sha256(timeless(file)).hexdigest()
        for file in self.results:
            said = repr(evidence_of(stored_result(file)))
            found[f"card {file.stem}"] = hashlib.sha256(said.encode()).hexdigest()
        return found

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        """A run in the background, in a process group of its own."""
        return subprocess.Popen(
            self.command("run", "--pipeline=integration", *arguments), cwd=self.path,
            env=self.environment | environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def kill_after(self, seconds: float) -> bool:
        """Start a run and kill all of it; says whether it was still running."""
        running = self.start(*self.options)
        try:
            running.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            return True
        return False

    def resumed(self, what: str) -> Attempt:
        """Resume a run that was killed, and look at everything that must hold."""
        attempt = Attempt(what)
        # Killed before anything was made, there is nothing to resume.
        done = self.kedro("run", "--pipeline=integration", *self.options, "--only-missing-outputs")
        if done.returncode:
            attempt.faults.append(f"not resumed: {done.stderr.strip()[-300:]}")
            return attempt
        attempt.faults += self.differences()
        attempt.faults += self.leavings()
        return attempt

    def differences(self) -> list[str]:
        """Outputs that are not those of a run without a break."""
        now = self.digest()
        return [
            f"{name} differs" if name in now and name in self.whole
            else f"{name} is {'missing' if name in self.whole else 'one too many'}"
            for name in sorted({*now, *self.whole})
            if now.get(name) != self.whole.get(name)
        ]  # fmt: skip

    def leavings(self) -> list[str]:
        """What a killed run must not leave: markers, halves, runs without an end, broken cards."""
        faults = [f"{p.name} stays" for p in (self.path / "data").rglob(".*.saving")]
        client = mlflow.MlflowClient(f"sqlite:///{self.path}/mlflow.db")
        for experiment in client.search_experiments():
            runs = client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'")
            faults += [f"run {run.info.run_id} is RUNNING for ever" for run in runs]
        # The copy has no documentation for the other cards to cite.
        problems = [p for p in Registry(self.path / "kb", self.path).validate() if LOCAL in p.file]
        return faults + [f"a card is broken: {problem}" for problem in problems]
