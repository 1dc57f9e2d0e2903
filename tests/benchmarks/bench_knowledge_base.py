"""How long the knowledge base takes to answer: ``make benchmark``.

Commands are timed as a user starts them, beside a Python that only imports pydantic and yaml.
Validation is timed on a thousand cards made here, beside reading them as YAML.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import yaml
from tests.benchmarks.harness import Record, Side, compare, near

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


def start(command: list[str]) -> int:
    """Start a command as a user does; its exit code."""
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True).returncode


def validate(kb: Path) -> int:
    """Problems of a knowledge base."""
    return len(Registry(kb).validate())


def parse(kb: Path) -> int:
    """Read every card as YAML and nothing more; problems, of which it knows none."""
    for file in sorted(kb.rglob("*.yaml")):
        yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
    return 0


def run(tiny: bool = False) -> list[Record]:
    """Commands beside a Python that imports, and validation beside reading YAML.

    Parameters
    ----------
    tiny : bool
        Sizes at which only agreement is of interest.
    """
    bare = [sys.executable, "-c", "import pydantic, yaml, click"]
    agree = near(0, "exit codes or problems differ by")
    records = [
        compare(
            " ".join(["ngkb", *command]),
            Side(partial(start, [str(NGKB), *command])),
            Side(partial(start, bare)),
            size="the shipped cards",
            alternative="a Python that imports pydantic and yaml",
            agree=agree,
            turns=1 if tiny else REPEATS,
        )
        for command in (COMMANDS[:1] if tiny else COMMANDS)
    ]
    cards = 40 if tiny else 1000
    with tempfile.TemporaryDirectory() as folder:
        kb = Path(folder) / "kb"
        generate(kb, cards)
        records.append(
            compare(
                "validation of generated cards",
                Side(partial(validate, kb)),
                Side(partial(parse, kb)),
                size=f"{cards:,} cards",
                alternative="reading them as YAML",
                agree=agree,
                turns=2 if tiny else REPEATS,
            )
        )
    return records


if __name__ == "__main__":
    for record in run():
        print(record)
