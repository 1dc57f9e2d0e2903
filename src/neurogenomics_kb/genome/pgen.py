"""Genotype calls from PLINK 2 files (PGEN with PVAR and PSAM)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pgenlib

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.variants import Record, check_samples, plain_allele


class PgenFile:
    """A PGEN, restricted to some samples in the order asked for.

    Parameters
    ----------
    path : str or Path
        ``.pgen``, with ``.pvar`` or ``.pvar.zst`` and ``.psam`` beside it, sorted by position.
    samples : sequence of str, optional
        Samples (IID) to read; default all, in the order of the file.

    Raises
    ------
    InputError
        If a file is missing, damaged or not of this PGEN, or a sample is not in it.

    Notes
    -----
    PGEN stores a haploid call as a homozygous one, so haploid calls are not counted. Only hard
    calls are read, not dosages. Read by pgenlib of the PLINK 2 project (Chang et al. 2015).
    """

    def __init__(self, path: str | Path, samples: Sequence[str] | None = None) -> None:
        self.path = Path(path)
        present = read_samples(self.path.with_suffix(".psam"))
        self.samples = [str(s) for s in (present if samples is None else samples)]
        check_samples(self.samples, present, self.path)
        self._read_sites()
        row = {sample: number for number, sample in enumerate(present)}
        wanted = np.array([row[sample] for sample in self.samples], dtype=np.uint32)
        subset = np.unique(wanted)
        self._columns = np.searchsorted(subset, wanted)
        self._alleles = np.empty(2 * len(subset), dtype=np.int32)
        self._phased = np.empty(len(subset), dtype=bool)
        try:
            self._reader = pgenlib.PgenReader(
                str(self.path).encode(),
                raw_sample_ct=len(present),
                variant_ct=self._sites.get_variant_ct(),
                sample_subset=subset,
                allele_idx_offsets=self._sites.get_allele_idx_offsets(),
            )
        except RuntimeError as error:
            raise InputError(
                f"cannot be opened with its .pvar and .psam ({_reason(error)})",
                file=self.path,
                remedy="The three files must be of one `plink2 --make-pgen`.",
            ) from None

    def _read_sites(self) -> None:
        """Positions of all variants, and which stretch of the file is which contig."""
        plain = self.path.with_suffix(".pvar")
        file = plain if plain.exists() else plain.with_suffix(".pvar.zst")
        if not file.exists():
            raise InputError("the file does not exist", file=plain, remedy=_BESIDE)
        try:
            sites = pgenlib.PvarReader(str(file).encode())
        except RuntimeError as error:
            raise InputError(
                f"cannot be read ({_reason(error)})", file=file, remedy="Write it again."
            ) from None
        n = sites.get_variant_ct()
        chrom = np.array([sites.get_variant_chrom(i).decode() for i in range(n)])
        # 0-based, as everywhere here; PVAR counts from 1.
        self._start = np.array([sites.get_variant_pos(i) for i in range(n)], dtype=np.int64) - 1
        self._end = self._start + [len(sites.get_allele_code(i, 0)) for i in range(n)]
        edges = np.flatnonzero(chrom[1:] != chrom[:-1]) + 1
        firsts = [0, *edges.tolist()] if n else []
        lasts = [*edges.tolist(), n] if n else []
        self.contigs = [str(chrom[first]) for first in firsts]
        self._stretch = dict(zip(self.contigs, zip(firsts, lasts, strict=True), strict=True))
        falling = any((np.diff(self._start[a:b]) < 0).any() for a, b in self._stretch.values())
        if falling or len(self._stretch) < len(self.contigs):
            raise InputError(
                "the variants are not sorted by position",
                file=file,
                remedy="Run `plink2 --pfile … --sort-vars --make-pgen`.",
            )
        self._sites = sites

    def __enter__(self) -> PgenFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._sites.close()

    def records(self, chrom: str, start: int, end: int) -> Iterator[Record]:
        """Records whose reference allele overlaps ``[start, end)`` (0-based), in file order."""
        first, last = self._stretch.get(chrom, (0, 0))
        last = first + int(np.searchsorted(self._start[first:last], end))
        # A long reference allele may begin far before the region.
        for number in first + np.flatnonzero(self._end[first:last] > start):
            yield self._decode(int(number))

    def _decode(self, number: int) -> Record:
        try:
            self._reader.read_alleles_and_phasepresent(number, self._alleles, self._phased)
        except RuntimeError as error:
            raise InputError(
                f"variant {number + 1} cannot be read ({_reason(error)})",
                file=self.path,
                remedy="The file is damaged or cut short; copy it again.",
            ) from None
        texts = [
            self._sites.get_allele_code(number, i).decode()
            for i in range(self._sites.get_allele_ct(number))
        ]
        alleles = np.maximum(self._alleles.reshape(-1, 2), -1)[self._columns]
        return Record(
            position=int(self._start[number]),
            ref=texts[0].upper(),
            alts=tuple(plain_allele(text) for text in texts[1:]),
            alleles=alleles.astype(np.int16),
            phased=self._phased[self._columns],
            haploid=0,
        )


_BESIDE = "Keep .pgen, .pvar (or .pvar.zst) and .psam together under one name."


def read_samples(path: Path) -> list[str]:
    """Sample ids (IID) of a PSAM.

    Raises
    ------
    InputError
        If the file is missing or has no IID column.
    """
    if not path.exists():
        raise InputError("the file does not exist", file=path, remedy=_BESIDE)
    with path.open(encoding="utf-8") as stream:
        skipped = sum(1 for line in stream if line.startswith("##"))
    table = pd.read_csv(path, sep=r"\s+", skiprows=skipped, dtype=str)
    table.columns = table.columns.str.lstrip("#")
    if "IID" not in table:
        raise InputError(
            "the column of sample ids is missing",
            file=path,
            column="IID",
            remedy="Begin the file with a line `#IID SEX`, as plink2 writes it.",
        )
    return table["IID"].tolist()


def _reason(error: RuntimeError) -> str:
    """Message of pgenlib, which comes as bytes or text."""
    text = error.args[0] if error.args else ""
    return " ".join((text.decode() if isinstance(text, bytes) else str(text)).split())
