"""A format of genotypes of its own: one line per person and variant, in a CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from neurogenomics_kb.genome.genotypes import (
    GenotypeFormat,
    GenotypeOptions,
    Record,
    check_samples,
    plain_allele,
)


class ToyOptions(GenotypeOptions):
    """Options of the toy format: what its calls are separated by."""

    format: Literal["toy"] = "toy"
    separator: str = "|"


class ToyFile:
    """Columns chrom, pos (1-based), ref, alt, then one call per sample."""

    def __init__(self, options: ToyOptions, samples: Sequence[str] | None) -> None:
        self.path = Path(options.path)
        with self.path.open() as stream:
            header, *self._rows = list(csv.reader(stream))
        present = header[4:]
        self.samples = list(present if samples is None else samples)
        check_samples(self.samples, present, self.path)
        self._columns = [4 + present.index(sample) for sample in self.samples]
        self._separator = options.separator
        self.contigs = list(dict.fromkeys(row[0] for row in self._rows))

    def __enter__(self) -> ToyFile:
        return self

    def __exit__(self, *_: object) -> None: ...

    def records(self, chrom: str, start: int, end: int) -> Iterator[Record]:
        for row in self._rows:
            position = int(row[1]) - 1
            if row[0] != chrom or position >= end or position + len(row[2]) <= start:
                continue
            calls = [row[c].split(self._separator) for c in self._columns]
            alleles = np.array(calls, dtype=np.int8)
            phased = np.ones(len(alleles), dtype=bool)
            yield Record(position, row[2], (plain_allele(row[3]),), alleles, phased, haploid=0)

    def spans(self) -> dict[str, tuple[int, int]]:
        found = {}
        for name in self.contigs:
            positions = [int(row[1]) - 1 for row in self._rows if row[0] == name]
            found[name] = (min(positions), max(positions))
        return found


FORMAT = GenotypeFormat("toy", ToyOptions, (".toy.csv",), ToyFile)
