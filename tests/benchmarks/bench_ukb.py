"""How long a wide extract takes to load and validate: ``python tests/benchmarks/bench_ukb.py``.

50,000 people and 3,000 columns, written once as CSV and Parquet into a temporary folder of about
2 GB. Each format is then loaded and validated by a process of its own on two cores, whose time and
peak memory are printed. What must be reached: 60 s and 6 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tests.benchmarks.harness import Record, Side, compare

from neurogenomics_kb.datasets import FieldTablesDataset
from neurogenomics_kb.extracts.fields import parse_field
from neurogenomics_kb.extracts.standardize import standardize_table
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import Column, Table
from neurogenomics_kb.registry.cohorts import find_dataset
from neurogenomics_kb.simulate.ukb import encode_column, filler, spell_names, to_table, write_table

ROOT = Path(__file__).parents[2]
SECONDS, GIGABYTES = 60, 6
LOAD = """
import json, re, sys, time
start = time.perf_counter()
from neurogenomics_kb.datasets import FieldTablesDataset
from neurogenomics_kb.extracts.standardize import standardize_table
folder, kb = sys.argv[1:]
options = dict(filepath=folder, cohort="ukb", kb=kb)
people = FieldTablesDataset(table="participants", **options)
participants = standardize_table(people.load(), people.card())
measures = FieldTablesDataset(table="freesurfer", features=True, **options).load()
# Not getrusage: a new process inherits the peak of the one that started it.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024**2
print(json.dumps({"seconds": time.perf_counter() - start, "gigabytes": peak,
                  "participants": participants.shape, "measures": measures.shape}))
"""


def draw(rng: np.random.Generator, column: Column, n: int) -> pd.Series:
    """Values that a column's card allows."""
    if column.levels:
        coded = {str(meaning) for code, meaning in column.levels.items() if code.isdigit()}
        values = rng.choice(np.array(sorted(coded)), n)
        return encode_column(rng, pd.Series(values), column)
    low, high = column.range or (-3.0, 3.0)
    return pd.Series(rng.uniform(low, high, n).round(4))


def generate(folder: Path, tables: dict[str, Table], n: int, n_columns: int) -> None:
    """One table with all columns of the cards among many others."""
    rng = np.random.default_rng(1)
    mapped = {}
    for table in tables.values():
        for source, column in table.columns.items():
            if parse_field(source) is not None:
                mapped[source] = draw(rng, column, n)
    index = pd.Index((1_000_000 + rng.permutation(n)).astype(str), name="eid")
    frame = pd.DataFrame(mapped).set_axis(index)
    frame["family_id"] = [f"f{i // 2}" for i in range(n)]
    fields = frame.drop(columns="family_id")
    names = spell_names([*fields, *(extra := filler(rng, index, n_columns - frame.shape[1]))],
                        "platform")  # fmt: skip
    wide = to_table(fields.join(extra), names)
    wide = wide.append_column("family_id", pa.array(frame["family_id"]))
    for ending in ("csv", "parquet"):
        write_table(wide, folder / ending / f"participant.{ending}")


def measure(folder: Path) -> dict:
    """Seconds and peak memory of loading and validating, on two cores."""
    code = [sys.executable, "-c", LOAD, str(folder), str(ROOT / "kb")]
    limited = {**os.environ, "OMP_NUM_THREADS": "2", "ARROW_IO_THREADS": "2"}
    done = subprocess.run(code, env=limited, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def by_pandas(folder: Path, columns: list[str]) -> tuple[int, int]:
    """Shape of the same columns, read by pandas as they stand."""
    file = next(folder.iterdir())
    if file.suffix == ".parquet":
        return pd.read_parquet(file, columns=columns).shape
    return pd.read_csv(file, usecols=columns).shape


def ours(folder: Path) -> tuple[int, int]:
    """Shape of people and measures, read, decoded and checked."""
    options = {"filepath": str(folder), "cohort": "ukb", "kb": str(ROOT / "kb")}
    people = FieldTablesDataset(table="participants", **options)
    participants = standardize_table(people.load(), people.card())
    measures = FieldTablesDataset(table="freesurfer", features=True, **options).load()
    return len(participants), len(measures)


def run(tiny: bool = False) -> list[Record]:
    """Loading of an extract beside pandas, in both formats.

    Parameters
    ----------
    tiny : bool
        Sizes at which only agreement is of interest.
    """
    people, columns = (120, 700) if tiny else (20_000, 1_500)
    tables = find_dataset(Registry(ROOT / "kb"), "ukb").tables
    records = []
    with tempfile.TemporaryDirectory() as name:
        generate(Path(name), tables, people, columns)
        wide = pq.read_schema(Path(name) / "parquet/participant.parquet").names
        mapped = {str(parse_field(s)) for n in ("participants", "freesurfer")
                  for s in tables[n].columns if parse_field(s)}  # fmt: skip
        wanted = [c for c in wide if str(parse_field(c)) in mapped]

        def same_people(mine, theirs) -> str:
            assert mine == (theirs[0], theirs[0]), (mine, theirs)
            return f"{theirs[0]:,} rows of {theirs[1]} columns"

        for ending in ("csv", "parquet"):
            folder = Path(name) / ending
            records.append(
                compare(
                    f"UK Biobank tables, {ending}",
                    Side(partial(ours, folder)),
                    Side(partial(by_pandas, folder, wanted)),
                    size=f"{people:,} × {columns:,}",
                    alternative="pandas, the same columns undecoded",
                    agree=same_people,
                    turns=1 if tiny else 3,
                )
            )
    return records


def main() -> None:
    """Generate, measure, print, delete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=3_000)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    tables = find_dataset(Registry(ROOT / "kb"), "ukb").tables
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        generate(folder, tables, options.subjects, options.columns)
        print(f"{options.subjects:,} x {options.columns:,} written in "
              f"{time.perf_counter() - start:.0f} s")  # fmt: skip
        for ending in ("csv", "parquet"):
            size = (folder / ending / f"participant.{ending}").stat().st_size / 1e9
            found = measure(folder / ending)
            good = found["seconds"] <= SECONDS and found["gigabytes"] <= GIGABYTES
            print(
                f"{ending:8} {size:5.2f} GB  {found['seconds']:6.1f} s  "
                f"{found['gigabytes']:5.2f} GB peak  participants {found['participants']}, "
                f"measures {found['measures']}  {'reached' if good else 'MISSED'}"
            )


if __name__ == "__main__":
    main()
