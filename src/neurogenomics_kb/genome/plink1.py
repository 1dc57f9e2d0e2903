"""Genotype calls from PLINK 1 files (BED with BIM and FAM)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import open_file
from neurogenomics_kb.genome.genotypes import (
    GenotypeFormat,
    GenotypeOptions,
    Record,
    check_samples,
    plain_allele,
)
from neurogenomics_kb.genome.plink_text import (
    check_fields,
    check_widths,
    read_rows,
    read_site_columns,
)
from neurogenomics_kb.genome.site_blocks import base_numbers
from neurogenomics_kb.genome.sites import SiteTable

_MAGIC = bytes((0x6C, 0x1B, 0x01))  # the last byte says: one variant after another
# Variants at which the people of the files are compared, and how many of them tell.
SITES_LOOKED_AT = 10_000
SITES_THAT_TELL = 100
# Alleles of the four codes, as numbers of A1 and A2: two copies of A1, missing, one each, two of
# A2. A1 is number 1 here.
_PAIRS = np.array([[1, 1], [-1, -1], [0, 1], [0, 0]], dtype=np.int8)
# Copies of A1, or (second) of A2, of the four people of a byte; four numbers seen as one.
_QUADS = np.arange(256, dtype=np.uint8)[:, None] >> np.array([0, 2, 4, 6], dtype=np.uint8) & 3
_COPIES = tuple(
    np.array(copies, dtype=np.int8)[_QUADS].view(np.int32)[:, 0]
    for copies in ((2, -1, 1, 0), (0, -1, 1, 2))
)


class Plink1Options(GenotypeOptions):
    """Options of a PLINK 1 file set.

    Attributes
    ----------
    format : {"plink1"}
    path : Path or tuple of Path
        ``.bed``, with ``.bim`` and ``.fam`` beside it.
    reference : {"a2", "a1"}
        Which column of the ``.bim`` holds the reference allele; default ``a2``, as plink2 writes
        it. PLINK 1.9 puts the major allele there unless it is told to keep the order.
    """

    format: Literal["plink1"] = "plink1"
    reference: Literal["a1", "a2"] = "a2"


class Plink1File:
    """A PLINK 1 file set, restricted to some samples in the order asked for.

    Parameters
    ----------
    path : str or Path
        ``.bed``, with ``.bim`` and ``.fam`` beside it.
    samples : sequence of str, optional
        Samples (IID) to read; default all, in the order of the file.
    reference : {"a2", "a1"}
        Which column of the ``.bim`` holds the reference allele; default ``a2``.

    Raises
    ------
    InputError
        If a file is missing, damaged or not of this set, or a sample is not in it.

    Notes
    -----
    The format has no phase: heterozygotes are unphased. Haploid calls are stored as homozygous
    ones. A variant whose reference allele is ``0`` (never seen) cannot be placed and is refused.
    """

    def __init__(
        self,
        path: str | Path,
        samples: Sequence[str] | None = None,
        *,
        reference: Literal["a1", "a2"] = "a2",
    ) -> None:
        self.path = Path(path)
        file = self.path.with_suffix(".fam")
        people = read_rows(file, "fam")
        check_widths(people, file)
        check_fields(people, file, 2)
        sites = read_site_columns(self.path.with_suffix(".bim"))
        people, column = _without_header(people, file)
        present = [row[column] for row in people]
        self.samples = [str(s) for s in (present if samples is None else samples)]
        check_samples(self.samples, present, self.path)
        row = {sample: number for number, sample in enumerate(present)}
        self._columns = np.array([row[s] for s in self.samples], dtype=np.intp)
        self._in_order = np.array_equal(self._columns, np.arange(len(present)))
        self._width = (len(present) + 3) // 4
        self._read_sites(sites, reference)
        try:
            self._stream = open_file(self.path)
        except OSError as error:
            raise InputError(
                f"cannot be opened ({error.strerror})", file=path, remedy="Check the path."
            ) from None
        magic = self._stream.read(3)
        size = self._stream.seek(0, 2)
        expected = len(_MAGIC) + self._width * len(self._ref)
        if magic != _MAGIC or size != expected:
            self._stream.close()
            raise InputError(
                f"not the .bed of its .bim and .fam ({size:,} bytes, expected {expected:,})",
                file=self.path,
                remedy="The three files must be of one `plink2 --make-bed`; copy them again.",
            )
        try:
            self._check_ends(len(present), len(self._ref))
        except InputError:
            self._stream.close()
            raise

    def _check_ends(self, n_people: int, n_sites: int) -> None:
        """Refuse a ``.fam`` of a few people more or fewer, which the size of the file allows.

        Four people share a byte, and what no person fills is 0, as is who has two copies of A1.
        """
        filled = n_people % 4 or 4
        n = min(n_sites, SITES_LOOKED_AT)
        if not n or not self._width:
            return
        self._stream.seek(len(_MAGIC))
        calls = np.frombuffer(self._stream.read(n * self._width), dtype=np.uint8)
        last = calls.reshape(n, self._width)[:, -1]
        beyond = int((last >> 2 * filled != 0).sum()) if filled < 4 else 0
        if beyond:
            problem = f"{beyond} of {n} variants have a call behind the last of {n_people} people"
        elif n >= SITES_THAT_TELL and not (last >> 2 * (filled - 1) & 3).any():
            problem = f"the last of {n_people} people has two copies of A1 at all of {n} variants"
        else:
            return
        raise InputError(
            f"the .fam is not of the .bed: {problem}",
            file=self.path,
            remedy="The three files must be of one `plink2 --make-bed`; copy them again.",
        )

    def _read_sites(self, columns: list[list[str]], reference: str) -> None:
        file = self.path.with_suffix(".bim")
        chroms, ids, _, positions, one, two = columns
        try:
            starts = np.array([int(text) for text in positions], dtype=np.int64) - 1
        except ValueError:
            raise InputError(
                "a position is no whole number", file=file, remedy="Write the file again."
            ) from None
        ref, self._alt = (two, one) if reference == "a2" else (one, two)
        unseen = [number for number, text in enumerate(ref) if text == "0"]
        if unseen:
            raise InputError(
                f"{len(unseen)} variants have no reference allele (0), first {ids[unseen[0]]}",
                file=file,
                remedy="Run `plink2 --bfile … --ref-from-fa force --fa reference.fa --make-pgen`.",
            )
        self._ref = [text.upper() for text in ref]
        ends = starts + np.array([len(text) for text in self._ref], dtype=np.int64)
        self._sites = SiteTable(chroms, starts, ends, file)
        self.contigs = self._sites.contigs
        self._swapped = reference == "a1"

    def __enter__(self) -> Plink1File:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def records(self, chrom: str, start: int, end: int) -> Iterator[Record]:
        """Records whose reference allele overlaps ``[start, end)`` (0-based), in file order."""
        for number in self._sites.overlapping(chrom, start, end):
            yield self.decode(number)

    def blocks(self, contig: str, positions: np.ndarray) -> Iterator[Plink1Block]:
        """Records that begin at some positions of a contig (0-based, rising, each once)."""
        numbers = self._sites.at(contig, positions)
        if len(numbers):
            yield Plink1Block(self, numbers)

    def alleles_of(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions of records, and the numbers of their alleles where both are single bases."""
        each = numbers.tolist()
        ref = base_numbers([self._ref[number] for number in each])
        alt = base_numbers([self._alt[number] for number in each])
        return self._sites.starts[numbers], ref, alt

    def copies(self, numbers: np.ndarray) -> np.ndarray:
        """Copies of the alternate allele that everybody has, negative where missing.

        Parameters
        ----------
        numbers : ndarray of int, shape (n,)
            Records, rising.

        Returns
        -------
        ndarray of int8, shape (n, n_samples)
        """
        runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
        packed = b"".join(self._packed(int(run[0]), len(run)) for run in runs)
        table = _COPIES[int(self._swapped)]
        counts = table[np.frombuffer(packed, dtype=np.uint8)].view(np.int8)
        counts = counts.reshape(len(numbers), -1)
        return (
            counts[:, : len(self._columns)].copy() if self._in_order else (counts[:, self._columns])
        )

    def _packed(self, first: int, n: int) -> bytes:
        """Calls of variants in a row, as they are stored."""
        self._stream.seek(len(_MAGIC) + first * self._width)
        return self._stream.read(n * self._width)

    def spans(self) -> dict[str, tuple[int, int]]:
        """0-based positions of the first and the last record of every contig that has records."""
        return self._sites.spans()

    def decode(self, number: int) -> Record:
        """One record, by its number in the file."""
        packed = np.frombuffer(self._packed(number, 1), dtype=np.uint8)
        codes = (packed[:, None] >> np.array([0, 2, 4, 6], dtype=np.uint8) & 3).reshape(-1)
        alleles = _PAIRS[codes[self._columns]]
        if self._swapped:
            alleles = np.where(alleles < 0, alleles, 1 - alleles)[:, ::-1]
        return Record(
            position=int(self._sites.starts[number]),
            ref=self._ref[number],
            alts=(plain_allele(self._alt[number]),),
            alleles=alleles,
            phased=np.zeros(len(alleles), dtype=bool),
            haploid=0,
        )


class Plink1Block:
    """Some records of a PLINK 1 file set: their alleles, and their calls when they are asked for.

    Parameters
    ----------
    file : Plink1File
        Opened file.
    numbers : ndarray of int, shape (n_records,)
        Numbers of the records in the file, by position.
    """

    def __init__(self, file: Plink1File, numbers: np.ndarray) -> None:
        self._file, self._numbers = file, numbers
        self.positions, self.ref, self.alt = file.alleles_of(numbers)

    def record(self, number: int) -> Record:
        """One record with its calls, by its number in the block."""
        return self._file.decode(int(self._numbers[number]))

    def counts(self, numbers: np.ndarray) -> np.ndarray:
        """Copies of the alternate allele in records of the block."""
        return self._file.copies(self._numbers[numbers])


def _without_header(rows: list[list[str]], file: Path) -> tuple[list[list[str]], int]:
    """People of a ``.fam``, and the column of their ids; PLINK 2 reads one with a header, too."""
    if not rows:
        return rows, 1
    names = [name.lstrip("#").upper() for name in rows[0]]
    titled = rows[0][0].startswith("#")
    if not titled and names[:2] != ["FID", "IID"]:
        return rows, 1
    if "IID" not in names:
        raise InputError(
            "the header line names no column IID",
            file=file,
            column="IID",
            remedy="Begin the file with `#FID IID`, or leave the header out.",
        )
    return rows[1:], names.index("IID")


def _build(options: Plink1Options, samples: Sequence[str] | None) -> Plink1File:
    return Plink1File(options.path, samples, reference=options.reference)


FORMAT = GenotypeFormat("plink1", Plink1Options, (".bed",), _build)
