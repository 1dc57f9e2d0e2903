"""Broken tables and YAML, drawn at random, given to the command line as a user would."""

from __future__ import annotations

import io
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.ground import Attempt
from tests.conftest import Project

RAW, PARAMETERS = "data/01_raw/demo", "conf/base/parameters"
RUN_FILE = "conf/experiments/01_cca_gene_smri.yml"
# Files, and a run that reads them and little else.
READ_BY = {
    f"{RAW}/participants.tsv": ("--pipeline=clinical",),
    f"{RAW}/freesurfer/lh.aparc.thickness.tsv": ("--pipeline=smri",),
    f"{RAW}/freesurfer/aseg.volume.tsv": ("--pipeline=smri",),
    f"{PARAMETERS}/smri.yml": ("--pipeline=smri",),
    "conf/demo/globals.yml": ("--pipeline=smri",),
    "conf/base/catalog/tables.yml": ("--pipeline=smri",),
    "kb/integration_cards/confound_sets.yaml": (f"--config={RUN_FILE}", "--to-nodes=write_recipe"),
    RUN_FILE: (f"--config={RUN_FILE}", "--to-nodes=write_recipe"),
}
Break = Callable[[random.Random, bytes], bytes]


def _at(draw: random.Random, content: bytes) -> int:
    return draw.randrange(len(content) + 1)


def cut(draw: random.Random, content: bytes) -> bytes:
    """The file ends somewhere."""
    return content[: _at(draw, content)]


def flip(draw: random.Random, content: bytes) -> bytes:
    """Some bytes are others."""
    out = bytearray(content)
    for _ in range(draw.randint(1, 5)):
        out[draw.randrange(len(out))] = draw.randrange(256)
    return bytes(out)


def insert(*pieces: bytes) -> Break:
    """Something stands where nothing did."""

    def broken(draw: random.Random, content: bytes) -> bytes:
        at = _at(draw, content)
        return content[:at] + draw.choice(pieces) + content[at:]

    return broken


def lines(change: Callable[[random.Random, list[bytes]], list[bytes]]) -> Break:
    """Lines are others, or elsewhere."""
    return lambda draw, content: b"".join(change(draw, content.splitlines(keepends=True)))


def _repeat(draw: random.Random, rows: list[bytes]) -> list[bytes]:
    return [*rows, draw.choice(rows)]


def _drop(draw: random.Random, rows: list[bytes]) -> list[bytes]:
    return [row for row in rows if row is not draw.choice(rows)]


def _indent(draw: random.Random, rows: list[bytes]) -> list[bytes]:
    at = draw.randrange(len(rows))
    return [*rows[:at], draw.choice([b" ", b"   ", b"\t"]) + rows[at], *rows[at + 1 :]]


def _cells(draw: random.Random, rows: list[bytes]) -> list[bytes]:
    """One cell says something else; in YAML, one value."""
    at = draw.randrange(len(rows))
    mark = b"\t" if b"\t" in rows[at] else b":"
    parts = rows[at].rstrip(b"\n").split(mark)
    parts[draw.randrange(len(parts))] = draw.choice(
        [b"", b" -1", b" nan", b" 1e999", b" n/a", b" [1, 2]", b" {a: 1}", b" null", b" yes",
         b" ${nothing}", b" 1,5", b" 99999999999999999999", "\u00fc".encode("latin-1")]
    )  # fmt: skip
    return [*rows[:at], mark.join(parts) + b"\n", *rows[at + 1 :]]


BREAKS: tuple[Break, ...] = (
    cut, flip, insert(b"\0", b'"', b"\xff\xfe", b"\t", b"\r", b"\n\n", b": ", b"- ", b"{", b"*a ",
                      b"!!python/name:os.system ", b"${", b"'"),
    lines(_repeat), lines(_drop), lines(_indent), lines(_cells), lines(_cells), lambda *_: b"",
)  # fmt: skip


def broken_files(project: Project, n: int, seed: int = 0) -> Iterator[Attempt]:
    """Break one file after the other and run what reads it.

    Parameters
    ----------
    project : Project
        A copy.
    n : int
        Attempts.
    seed : int
        Of what is broken, and how.
    """
    draw = random.Random(seed)
    for _ in range(n):
        name = draw.choice(list(READ_BY))
        file = project.path / name
        content = file.read_bytes()
        number = draw.randrange(len(BREAKS))
        file.write_bytes(BREAKS[number](draw, content))
        code, said = command(project, "run", *READ_BY[name])
        file.write_bytes(content)
        attempt = Attempt(f"{name}, broken in way {number}")
        errors = [line for line in said.splitlines() if line.startswith("Error: ")]
        if "Traceback" in said or code not in (0, 1, 2):
            attempt.faults.append(f"exit code {code}: {said.strip()[-300:]}")
        elif code and len(errors) != 1:
            attempt.faults.append(f"{len(errors)} lines of error: {said.strip()[-300:]}")
        halves = [p for end in ("saving", "part") for p in project.path.rglob(f".*.{end}")]
        attempt.faults += [f"{half.name} stays" for half in halves]
        yield attempt


def command(project: Project, *arguments: str) -> tuple[int, str]:
    """Exit code and words of a Kedro command, in a fork of this process, which has imported all."""
    said = project.path / "said.txt"
    child = os.fork()
    if child == 0:
        code = 70
        try:
            stream = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(stream, 1)
            os.dup2(stream, 2)
            # Whoever tests may have put others in their place.
            sys.stdout, sys.stderr = (
                io.TextIOWrapper(io.FileIO(number, "w", closefd=False)) for number in (1, 2)
            )
            os.chdir(project.path)
            os.environ.clear()
            os.environ.update(project.environment)
            sys.argv = ["kedro", *arguments]
            from kedro.framework.cli.cli import main

            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said.read_text(encoding="utf-8", errors="replace")


def import_first() -> None:
    """Import what every command imports, so that each attempt need not."""
    import kedro.framework.cli.cli
    import mlflow
    import torch

    import neurogenomics_kb.cli
    import neurogenomics_kb.pipeline_registry

    for module in (kedro.framework.cli.cli, mlflow, torch, neurogenomics_kb.cli,
                   neurogenomics_kb.pipeline_registry):  # fmt: skip
        assert Path(module.__file__).is_file()
