"""Genotype calls of a region, read from an indexed VCF or BCF to its verified end."""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.bcf import MAGIC, BcfBinary
from neurogenomics_kb.genome.bgzf import BgzfFile, Cursor
from neurogenomics_kb.genome.genotypes import (
    ON_X,
    GenotypeFormat,
    GenotypeOptions,
    Record,
    bare_contig,
    bare_stretch,
    check_samples,
    refuse_two_spellings,
)
from neurogenomics_kb.genome.site_blocks import SiteBlock, record_blocks
from neurogenomics_kb.genome.tabix import RegionIndex
from neurogenomics_kb.genome.vcf_blocks import row_blocks, stretches
from neurogenomics_kb.genome.vcf_text import VcfText

logger = logging.getLogger(__name__)

# Files up to this size are read whole when they are opened: then damage anywhere is noticed, and an
# index cannot hide a record. A larger file is read by its index, and what is read is verified.
WHOLE = 1 << 19
# Records of a small file that its index must lead to, and places of a large one that are tried.
COMPARED = 64
TRIED = 8


class VcfOptions(GenotypeOptions):
    """Options of a VCF or BCF.

    Attributes
    ----------
    format : {"vcf"}
    path : Path or tuple of Path
        ``.vcf.gz`` with ``.tbi`` or ``.csi``, ``.bcf`` with ``.csi``.
    """

    format: Literal["vcf"] = "vcf"


class VcfFile:
    """An indexed VCF or BCF, restricted to some samples in the order asked for.

    Parameters
    ----------
    path : str or Path
        ``.vcf.gz`` with ``.tbi`` or ``.csi``, or ``.bcf`` with ``.csi``.
    samples : sequence of str, optional
        Samples to read; default all, in the order of the file.

    Raises
    ------
    InputError
        If the file or its index is missing, damaged or of another file, or a sample is not in it.

    Notes
    -----
    Blocks are checked against their checksums as they are read, and a region ends at a record
    beyond it or at the end of the file, never at an error.
    """

    def __init__(self, path: str | Path, samples: Sequence[str] | None = None) -> None:
        self.path = Path(path)
        index_path = find_index(self.path)
        self._file = BgzfFile(self.path)
        try:
            binary = self._file.block(0)[0][: len(MAGIC)] == MAGIC
            self._reader = BcfBinary(self._file) if binary else VcfText(self._file)
            present = self._reader.samples
            self.samples = [str(s) for s in (present if samples is None else samples)]
            check_samples(self.samples, present, self.path)
            column = {sample: number for number, sample in enumerate(present)}
            self._reader.choose(np.array([column[s] for s in self.samples], dtype=np.intp))
            index = RegionIndex(index_path)
            names = index.names or self._reader.numbered
            small = self._file.size <= WHOLE
            kind = _WholeFile if small else _IndexedFile
            self._rows = kind(self._file, self._reader, index, names)
            self.contigs = self._spelt([*self._reader.contigs, *index.names])
        except InputError:
            self._file.close()
            raise

    def _spelt(self, names: list[str]) -> list[str]:
        """Contigs, without those that the header spells otherwise than the records."""
        found = self._rows.names()
        refuse_two_spellings(sorted(found), self.path)
        apart = sorted(name for name in found if bare_stretch(name) in ON_X)
        if apart:
            logger.warning(
                "%s: records under %s are parts of X, but no region of X finds them; rename these "
                "contigs (`bcftools annotate --rename-chrs`)",
                self.path,
                listing(apart),
            )
        spellings = {bare_contig(name) for name in found}
        kept = [n for n in names if n in found or bare_contig(n) not in spellings]
        return list(dict.fromkeys(kept))

    def __enter__(self) -> VcfFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def records(self, chrom: str, start: int, end: int) -> Iterator[Record]:
        """Records whose reference allele overlaps ``[start, end)`` (0-based), in file order.

        Reference blocks (gVCF) come where any of their bases does.
        """
        for row, _, _ in self._rows.within(chrom, start, end):
            record = self._reader.decode(row)
            reach = record.block_end or record.end
            if record.position < end and reach > start:
                yield record

    def blocks(self, contig: str, positions: np.ndarray) -> Iterator[SiteBlock]:
        """Records that begin at some positions of a contig (0-based, rising, each once)."""
        rows = self._rows_over(contig, positions.tolist())
        if isinstance(self._reader, VcfText):
            return row_blocks(rows, self._reader, len(self.samples))
        records = ((self._reader.decode(row), begins) for row, _, begins in rows)
        return record_blocks((record for record, begins in records if begins), len(self.samples))

    def _rows_over(self, contig: str, places: list[int]) -> Iterator[tuple[bytes, int, bool]]:
        """Rows that reach over one of some positions, where they begin, and whether at one."""
        for first, last in stretches(places):
            for row, start, reach in self._rows.within(contig, first, last + 1):
                following = bisect_left(places, start)
                if following < len(places) and places[following] < reach:
                    yield row, start, places[following] == start

    def spans(self) -> dict[str, tuple[int, int]]:
        """0-based positions of the first and the last record of every contig that has records."""
        return self._rows.spans()


def find_index(path: Path) -> Path:
    """Index of a variant file.

    Raises
    ------
    InputError
        If there is none.
    """
    for suffix in (".tbi", ".csi"):
        index = Path(f"{path}{suffix}")
        if index.exists():
            return index
    raise InputError(
        "the file of variants has no index (.tbi or .csi)",
        file=path,
        remedy=f"Run `bcftools index --tbi {path.name}` or `tabix -p vcf {path.name}` in its "
        "folder (compress with bgzip first).",
    )


def _foreign(path: Path, why: str) -> InputError:
    return InputError(
        f"the index is of another file ({why})",
        file=path,
        remedy=f"Index it again (`bcftools index --force {path.name}`), or copy both again.",
    )


@dataclass
class _Sites:
    """Where the records of one contig stand in the content of a file."""

    first: int
    starts: list[int]
    ends: np.ndarray
    longest: int


class _WholeFile:
    """All of a small file, in memory."""

    def __init__(
        self,
        file: BgzfFile,
        reader: VcfText | BcfBinary,
        index: RegionIndex,
        names: list[str],
    ) -> None:
        self._path = file.path
        blocks, places, at, length = [], {}, 0, 0
        while True:
            places[at] = length
            content, following = file.block(at)
            if following == at:
                break
            blocks.append(content)
            length += len(content)
            at = following
        self._data = b"".join(blocks)
        self._blocks = places
        begin = self._place(reader.begin)
        stretches, self._places, starts, ends = reader.table(self._data, begin)
        self._sites = self._by_contig(stretches, starts, ends)
        self._compare(index, names)

    def _by_contig(
        self, stretches: list[tuple[str, int, int]], starts: np.ndarray, ends: np.ndarray
    ) -> dict[str, _Sites]:
        sites: dict[str, _Sites] = {}
        for name, first, last in stretches:
            own, reach = starts[first:last], ends[first:last]
            if name in sites or (np.diff(own) < 0).any():
                raise InputError(
                    f"the records of {name} are not sorted by position",
                    file=self._path,
                    remedy="Run `bcftools sort`, and index the file again.",
                )
            sites[name] = _Sites(first, own.tolist(), reach, int((reach - own).max()))
        return sites

    def _place(self, offset: int) -> int:
        """Place in the content that a virtual offset means."""
        at = self._blocks.get(offset >> 16)
        if at is None:
            raise _foreign(self._path, f"no block begins at byte {offset >> 16:,}")
        return at + (offset & 0xFFFF)

    def _compare(self, index: RegionIndex, names: list[str]) -> None:
        """Refuse an index that would not lead to every record."""
        if self._sites and self._place(index.end) != len(self._data):
            raise _foreign(self._path, "it ends elsewhere")
        if not self._sites and index.end:
            raise _foreign(self._path, "the file has no record")
        numbers = {name: number for number, name in enumerate(names)}
        for name, sites in self._sites.items():
            number = numbers.get(name)
            if number is None or number >= len(index):
                raise _foreign(self._path, f"it does not know {name}")
            n = len(sites.starts)
            for i in sorted({*range(0, n, max(1, n // COMPARED)), n - 1}):
                place = int(self._places[sites.first + i])
                start = max(0, sites.starts[i])
                chunks = index.chunks(number, start, start + 1)
                if not any(self._place(a) <= place < self._place(b) for a, b in chunks):
                    raise _foreign(self._path, f"it does not lead to {name}:{start + 1}")

    def names(self) -> set[str]:
        """Contigs that have records."""
        return set(self._sites)

    def within(self, chrom: str, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Records that may overlap a region, each with its start and end."""
        sites = self._sites.get(chrom)
        if sites is None:
            return
        low = bisect_right(sites.starts, start - sites.longest)
        high = bisect_left(sites.starts, end)
        for i in low + np.flatnonzero(sites.ends[low:high] > start):
            number = sites.first + int(i)
            row = self._data[self._places[number] : self._places[number + 1]]
            yield row, sites.starts[number - sites.first], int(sites.ends[number - sites.first])

    def spans(self) -> dict[str, tuple[int, int]]:
        """Positions of the first and the last record by contig."""
        return {name: (sites.starts[0], sites.starts[-1]) for name, sites in self._sites.items()}


class _IndexedFile:
    """A large file, read where its index points."""

    def __init__(
        self,
        file: BgzfFile,
        reader: VcfText | BcfBinary,
        index: RegionIndex,
        names: list[str],
    ) -> None:
        self._file, self._reader, self._index = file, reader, index
        self._numbers = {name: number for number, name in enumerate(names[: len(index)])}
        self._checked: set[str] = set()
        if len(index) > len(names):
            raise _foreign(file.path, f"it has {len(index)} contigs, the file {len(names)}")
        end = index.end or reader.begin
        if self._reader.next(Cursor(file, end)):
            raise _foreign(file.path, "it ends elsewhere")

    def _row(self, cursor: Cursor, chrom: str) -> tuple[bytes, tuple[str, int, int]]:
        """Record at a place where the index says that one of a contig stands."""
        row = self._reader.next(cursor)
        try:
            site = self._reader.site(row)
        except InputError:
            site = ("", 0, 0)
        if site[0] != chrom:
            raise _foreign(self._file.path, f"it leads to no record of {chrom}")
        return row, site

    def names(self) -> set[str]:
        """Contigs that have records."""
        return {n for n, number in self._numbers.items() if self._index.holds(number)}

    def within(self, chrom: str, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Records that may overlap a region, each with its start and end."""
        number = self._numbers.get(chrom)
        if number is None:
            return
        self._check(chrom, number)
        cursor = None
        for begin, stop in self._index.chunks(number, start, end):
            cursor = Cursor(self._file, begin)
            row, (name, position, reach) = self._row(cursor, chrom)
            while row and name == chrom and position < end:
                if reach > start:
                    yield row, position, reach
                if cursor.tell() >= stop:
                    break
                row = self._reader.next(cursor)
                if row:
                    name, position, reach = self._reader.site(row)
            else:
                return
        # What comes next must lie beyond, or the index has kept a record back.
        if cursor is not None and (row := self._reader.next(cursor)):
            name, position, reach = self._reader.site(row)
            if name == chrom and position < end and reach > start:
                raise _foreign(self._file.path, f"it does not lead to {chrom}:{position + 1}")

    def _check(self, chrom: str, number: int) -> None:
        """Whether the index knows where the records of a contig begin, at some of its bins."""
        if chrom in self._checked:
            return
        self._checked.add(chrom)
        bins = sorted(self._index.bins(number), key=lambda found: found[2])
        for start, end, offset in [*bins[:: max(1, len(bins) // TRIED)], *bins[-1:]]:
            _, (_, position, _) = self._row(Cursor(self._file, offset), chrom)
            if not start <= max(0, position) < end:
                raise _foreign(self._file.path, f"it looks for {chrom}:{position + 1} elsewhere")

    def spans(self) -> dict[str, tuple[int, int]]:
        """Positions of the first and the last record by contig."""
        spans = {}
        for chrom, number in self._numbers.items():
            first = self._index.first_chunk(number)
            if first is None:
                continue
            _, (_, begin, _) = self._row(Cursor(self._file, first), chrom)
            cursor = Cursor(self._file, self._index.last_chunk(number) or first)
            _, (name, position, _) = self._row(cursor, chrom)
            while name == chrom:
                last = position
                row = self._reader.next(cursor)
                name, position, _ = self._reader.site(row) if row else ("", 0, 0)
            spans[chrom] = (begin, last)
        return spans


def _build(options: VcfOptions, samples: Sequence[str] | None) -> VcfFile:
    return VcfFile(options.path, samples)


FORMAT = GenotypeFormat("vcf", VcfOptions, (".vcf.gz", ".vcf.bgz", ".bcf", ".vcf"), _build)
