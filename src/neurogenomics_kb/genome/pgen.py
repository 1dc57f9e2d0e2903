"""Genotype calls from PLINK 2 files (PGEN with PVAR and PSAM)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pgenlib

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.genotypes import (
    GenotypeFormat,
    GenotypeOptions,
    Record,
    check_samples,
    plain_allele,
)
from neurogenomics_kb.genome.plink_text import BESIDE, declared_contigs, read_samples
from neurogenomics_kb.genome.site_blocks import NO_BASE, base_numbers
from neurogenomics_kb.genome.sites import SiteTable


class PgenOptions(GenotypeOptions):
    """Options of a PGEN.

    Attributes
    ----------
    format : {"pgen"}
    path : Path or tuple of Path
        ``.pgen``.
    sites, people : Path, optional
        ``.pvar`` and ``.psam``; default those beside the ``.pgen``.
    """

    format: Literal["pgen"] = "pgen"
    sites: Path | None = None
    people: Path | None = None


class PgenFile:
    """A PGEN, restricted to some samples in the order asked for.

    Parameters
    ----------
    path : str or Path
        ``.pgen``, with ``.pvar`` or ``.pvar.zst`` and ``.psam`` beside it, sorted by position.
    samples : sequence of str, optional
        Samples (IID) to read; default all, in the order of the file.
    sites, people : Path, optional
        ``.pvar`` and ``.psam`` under another name; default those beside the ``.pgen``.

    Raises
    ------
    InputError
        If a file is missing, damaged or not of this PGEN, or a sample is not in it.

    Notes
    -----
    PAR1, PAR2 and XY (``plink2 --split-par``) are read as parts of X. PGEN stores a haploid call as
    a homozygous one, so haploid calls are not counted. Only hard calls are read, not dosages. Read
    by pgenlib of the PLINK 2 project (Chang et al. 2015).
    """

    def __init__(
        self,
        path: str | Path,
        samples: Sequence[str] | None = None,
        *,
        sites: Path | None = None,
        people: Path | None = None,
    ) -> None:
        self.path = Path(path)
        present = read_samples(people or self.path.with_suffix(".psam"))
        self.samples = [str(s) for s in (present if samples is None else samples)]
        check_samples(self.samples, present, self.path)
        self._read_sites(sites)
        row = {sample: number for number, sample in enumerate(present)}
        wanted = np.array([row[sample] for sample in self.samples], dtype=np.uint32)
        subset = np.unique(wanted)
        self._columns = np.searchsorted(subset, wanted)
        # Where each variant's alleles begin among all; None where every variant has two.
        self._offsets = self._pvar.get_allele_idx_offsets()
        self._in_order = np.array_equal(subset, wanted)
        self._alleles = np.empty(2 * len(subset), dtype=np.int32)
        self._phased = np.empty(len(subset), dtype=bool)
        try:
            self._reader = pgenlib.PgenReader(
                str(self.path).encode(),
                raw_sample_ct=len(present),
                variant_ct=self._pvar.get_variant_ct(),
                sample_subset=subset,
                allele_idx_offsets=self._offsets,
            )
        except (RuntimeError, OSError) as error:
            self._pvar.close()
            raise InputError(
                f"cannot be opened with its .pvar and .psam ({_reason(error)})",
                file=self.path,
                remedy="The three files must be of one `plink2 --make-pgen`.",
            ) from None

    def _read_sites(self, file: Path | None) -> None:
        """Positions of all variants, and which of them are on which contig."""
        if file is None:
            plain = self.path.with_suffix(".pvar")
            packed = plain.with_suffix(".pvar.zst")
            file = plain if plain.exists() or not packed.exists() else packed
        if not file.exists():
            raise InputError("the file does not exist", file=file, remedy=BESIDE)
        try:
            pvar = pgenlib.PvarReader(str(file).encode())
        except (RuntimeError, OSError) as error:
            raise InputError(
                f"cannot be read ({_reason(error)})", file=file, remedy="Write it again."
            ) from None
        n = pvar.get_variant_ct()
        try:
            chroms = [pvar.get_variant_chrom(i).decode() for i in range(n)]
            widths = [len(pvar.get_allele_code(i, 0)) for i in range(n)]
        except UnicodeDecodeError:
            raise InputError(
                "a name is not UTF-8", file=file, remedy="Write it again with `plink2`."
            ) from None
        # 0-based, as everywhere here; PVAR counts from 1.
        starts = np.array([pvar.get_variant_pos(i) for i in range(n)], dtype=np.int64) - 1
        ends = starts + np.array(widths, dtype=np.int64)
        self._sites = SiteTable(chroms, starts, ends, file, declared_contigs(file))
        self.contigs, self._pvar = self._sites.contigs, pvar

    def __enter__(self) -> PgenFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._pvar.close()

    def records(self, chrom: str, start: int, end: int) -> Iterator[Record]:
        """Records whose reference allele overlaps ``[start, end)`` (0-based), in file order."""
        for number in self._sites.overlapping(chrom, start, end):
            yield self.decode(number)

    def blocks(self, contig: str, positions: np.ndarray) -> Iterator[PgenBlock]:
        """Records that begin at some positions of a contig (0-based, rising, each once)."""
        numbers = self._sites.at(contig, positions)
        if len(numbers):
            yield PgenBlock(self, numbers)

    def spans(self) -> dict[str, tuple[int, int]]:
        """0-based positions of the first and the last record of every contig that has records."""
        return self._sites.spans()

    def alleles_of(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions of records, and the numbers of their alleles where both are single bases."""
        code, each = self._pvar.get_allele_code, numbers.tolist()
        ref = base_numbers([code(number, 0) for number in each])
        alt = base_numbers([code(number, 1) for number in each])
        if self._offsets is not None:
            alt[np.diff(self._offsets)[numbers] != 2] = NO_BASE
        return self._sites.starts[numbers], ref, alt

    def copies(self, numbers: np.ndarray) -> np.ndarray:
        """Copies of the first alternate allele that everybody has, negative where missing.

        Parameters
        ----------
        numbers : ndarray of uint32, shape (n,)
            Records.

        Returns
        -------
        ndarray of int8, shape (n, n_samples)
        """
        counts = np.empty((len(numbers), len(self._phased)), dtype=np.int8)
        try:
            self._reader.read_list(numbers, counts, allele_idx=1)
        except (RuntimeError, OSError):
            for number in numbers.tolist():  # which says the one that cannot be read
                self.decode(number)
            raise
        return counts if self._in_order else counts[:, self._columns]

    def decode(self, number: int) -> Record:
        """One record, by its number in the file."""
        try:
            self._reader.read_alleles_and_phasepresent(number, self._alleles, self._phased)
        except (RuntimeError, OSError) as error:
            raise InputError(
                f"variant {number + 1} cannot be read ({_reason(error)})",
                file=self.path,
                remedy="The file is damaged or cut short; copy it again.",
            ) from None
        texts = [
            self._pvar.get_allele_code(number, i).decode()
            for i in range(self._pvar.get_allele_ct(number))
        ]
        alleles = np.maximum(self._alleles.reshape(-1, 2), -1)[self._columns]
        return Record(
            position=int(self._sites.starts[number]),
            ref=texts[0].upper(),
            alts=tuple(plain_allele(text) for text in texts[1:]),
            alleles=alleles.astype(np.int16),
            phased=self._phased[self._columns],
            haploid=0,
        )


class PgenBlock:
    """Some records of a PGEN: their alleles, and their calls when they are asked for.

    Parameters
    ----------
    file : PgenFile
        Opened file.
    numbers : ndarray of int, shape (n_records,)
        Numbers of the records in the file, by position.
    """

    def __init__(self, file: PgenFile, numbers: np.ndarray) -> None:
        self._file, self._numbers = file, numbers.astype(np.uint32)
        self.positions, self.ref, self.alt = file.alleles_of(numbers)

    def record(self, number: int) -> Record:
        """One record with its calls, by its number in the block."""
        return self._file.decode(int(self._numbers[number]))

    def counts(self, numbers: np.ndarray) -> np.ndarray:
        """Copies of the first alternate allele in records of the block."""
        return self._file.copies(self._numbers[numbers])


def _reason(error: Exception) -> str:
    """Message of pgenlib, which comes as bytes or text."""
    text = error.args[0] if error.args else ""
    return " ".join((text.decode() if isinstance(text, bytes) else str(text)).split())


def _build(options: PgenOptions, samples: Sequence[str] | None) -> PgenFile:
    return PgenFile(options.path, samples, sites=options.sites, people=options.people)


FORMAT = GenotypeFormat("pgen", PgenOptions, (".pgen",), _build)
