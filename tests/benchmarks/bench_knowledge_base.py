"""How long the knowledge base takes to answer: ``make benchmark``.

Commands are timed as a user starts them, the best of five in turn, beside a Python that only
imports pydantic and yaml. Validation is timed on the shipped cards and on a thousand made here.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from neurogenomics_kb.registry import Registry

ROOT = Path(__file__).parents[2]
NGKB = Path(sys.executable).with_name("ngkb")
COMMANDS = [
    ["list"],
    ["show", "brainlm"],
    ["strategy", "smri_free_surfer_pca512_v1"],
    ["validate"],
]
REPEATS = 5


def time_command(command: list[str]) -> float:
    """Seconds of one start."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


def generate(folder: Path, cards: int) -> None:
    """A knowledge base of models, papers, datasets and strategies that refer to one another."""
    for name in ("model_cards", "paper_cards", "datasets", "integration_cards"):
        (folder / name).mkdir(parents=True)
    quarter = cards // 4
    fact = {"value": "a value", "source": "doi:10.1000/x", "verified": True}
    columns = {f"c{j}": {"name": f"c{j}"} for j in range(20)}
    step = {"step": "residualize", "confounds": [f"c{j}" for j in range(10)]}
    strategies = {}
    for i in range(quarter):
        write(folder / f"model_cards/model_{i}.yaml", {
            "modality": "fmri", "paper": f"paper_{i}", "description": "words " * 40,
            "pretraining_cohorts": {"cohorts": ["one"], "source": "doi:10.1000/x"},
            "facts": {f"fact_{j}": fact for j in range(10)}})  # fmt: skip
        write(folder / f"paper_cards/paper_{i}.yaml", {
            "title": "A title", "authors": ["A B"] * 8, "year": 2020, "kind": "method",
            "bibliography": {"source": "doi:10.1000/x"}, "summary": "words " * 60,
            "findings": [fact] * 5, "models": [f"model_{i}"]})  # fmt: skip
        write(
            folder / f"datasets/dataset_{i}.yaml",
            {"cohort": f"cohort_{i}", "tables": {"people": {"file": "p.tsv", "columns": columns}}},
        )
        strategies[f"strategy_{i}_v1"] = {
            "modality": "fmri", "encoder": f"model_{i}", "dataset": f"dataset_{i}",
            "preprocessing": [{"step": "zscore"}, step], "projector": {"type": "pca", "dim": 8},
        }  # fmt: skip
    write(folder / "integration_cards/embedding_strategies.yaml", strategies)


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


def write(file: Path, data: dict) -> None:
    """One YAML file."""
    file.write_text(yaml.dump(data, Dumper=_NoAliases, sort_keys=False))


def main() -> None:
    """Print the timings."""
    bare = [sys.executable, "-c", "import pydantic, yaml, click"]
    times: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        times.setdefault("bare imports", []).append(time_command(bare))
        for command in COMMANDS:
            name = " ".join(["ngkb", *command])
            times.setdefault(name, []).append(time_command([str(NGKB), *command]))
    for name, values in times.items():
        print(f"{name:45} {min(values):6.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        kb = Path(folder) / "kb"
        generate(kb, 1000)
        seconds = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            problems = Registry(kb).validate()
            seconds.append(time.perf_counter() - start)
            assert not problems, problems[:3]
    print(f"{'validation of 1,000 generated cards':45} {min(seconds):6.2f} s")


if __name__ == "__main__":
    main()
