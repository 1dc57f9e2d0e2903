"""Many rows of a VCF at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

import numpy as np

from neurogenomics_kb.genome.genotypes import Record
from neurogenomics_kb.genome.site_blocks import NO_BASE, RecordBlock, base_numbers, records_at_once
from neurogenomics_kb.genome.vcf_text import VcfText, fields_of

# Positions closer than this are read in one go: an index does not tell them apart (tabix: 16 kb).
NEAR = 1 << 14
# Text of calls that is looked at a time.
CHARACTERS = 1 << 23


def _call_table() -> tuple[int, np.ndarray, np.ndarray]:
    """A perfect hash of every diploid call of two alleles: factor, calls and copies by hash.

    A call with what separates it from the next one is four characters, here one number.
    """
    texts = [bytes(call) for call in product(b"01.", b"|/", b"01.", b"\t\n")]
    calls = np.array([np.frombuffer(text, "<u4")[0] for text in texts])
    factor = next(f for f in range(0x9E3779B1, 1 << 32, 2) if len(set(_hashed(calls, f))) == 36)
    keys, copies = np.zeros(1024, dtype=np.uint32), np.zeros(1024, dtype=np.int8)
    keys[_hashed(calls, factor)] = calls
    copies[_hashed(calls, factor)] = [-1 if b"." in text else text.count(b"1") for text in texts]
    return factor, keys, copies


def _hashed(calls: np.ndarray, factor: int) -> np.ndarray:
    return (calls * np.uint32(factor)) >> np.uint32(22)


_FACTOR, _KEYS, _COPIES = _call_table()


def stretches(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of positions that lie near one another.

    Examples
    --------
    >>> list(stretches([5, 9, 1_000_000]))
    [(5, 9), (1000000, 1000000)]
    """
    first = last = None
    for place in places:
        if last is not None and place - last > NEAR:
            yield first, last
            first = None
        first = place if first is None else first
        last = place
    if last is not None:
        yield first, last


def row_blocks(
    rows: Iterable[tuple[bytes, int, bool]], reader: VcfText, n_samples: int
) -> Iterator[RowBlock]:
    """Rows by the block, no position in two of them.

    Parameters
    ----------
    rows : iterable of (bytes, int, bool)
        Rows in order of position, their 0-based positions, and whether they are wanted; the others
        are only looked at, so that damage in them is told.
    reader : VcfText
        What decodes them.
    n_samples : int
        People, whose number bounds that of the rows.
    """
    size, waiting, positions = records_at_once(n_samples), [], []
    for row, position, wanted in rows:
        if not wanted:
            reader.decode(row)
            continue
        if len(waiting) >= size and position != positions[-1]:
            yield RowBlock(waiting, positions, reader, n_samples)
            waiting, positions = [], []
        waiting.append(row)
        positions.append(position)
    if waiting:
        yield RowBlock(waiting, positions, reader, n_samples)


class RowBlock:
    """Rows of a VCF: what is nothing but diploid calls of two bases, at once; the rest by the row.

    Parameters
    ----------
    rows : sequence of bytes
        In order of position.
    positions : sequence of int
        Where they begin, 0-based.
    reader : VcfText
        What decodes them.
    n_samples : int
        People who were chosen.
    """

    def __init__(
        self, rows: Sequence[bytes], positions: Sequence[int], reader: VcfText, n_samples: int
    ) -> None:
        self.positions = np.array(positions, dtype=np.int64)
        self._rows, self._reader = rows, reader
        heads = [fields_of(row) for row in rows]
        width = 4 * len(reader.samples)
        plain = [
            i
            for i, (parts, offset) in enumerate(heads)
            if len(parts) == 10 and parts[8] == b"GT" and len(rows[i]) - offset == width
        ]
        self.ref, self.alt = (
            base_numbers([parts[column] if len(parts) == 10 else b"" for parts, _ in heads])
            for column in (3, 4)
        )
        plain = np.array(plain, dtype=np.intp)
        plain = plain[(self.ref[plain] != NO_BASE) & (self.alt[plain] != NO_BASE)]
        self._counts = np.empty((len(rows), n_samples), dtype=np.int8)
        told = np.zeros(len(rows), dtype=bool)
        step = max(1, CHARACTERS // max(width, 1))
        for begin in range(0, len(plain), step):
            some = plain[begin : begin + step]
            text = b"".join([rows[i][-width:] for i in some.tolist()])
            counts, fine = _copies(text, len(some), reader.columns)
            self._counts[some], told[some] = counts, fine
        others = np.flatnonzero(~told)
        self._records = {i: reader.decode(rows[i]) for i in others.tolist()}
        block = RecordBlock(list(self._records.values()))
        self.ref[others], self.alt[others] = block.ref, block.alt
        bases = np.flatnonzero((block.ref != NO_BASE) & (block.alt != NO_BASE))
        if len(bases):
            self._counts[others[bases]] = block.counts(bases)

    def record(self, number: int) -> Record:
        """One record with its calls, by its number in the block."""
        found = self._records.get(number)
        return self._reader.decode(self._rows[number]) if found is None else found

    def counts(self, numbers: np.ndarray) -> np.ndarray:
        """Copies of the alternate allele, of records of two single bases."""
        return self._counts[numbers]


def _copies(text: bytes, n_rows: int, columns: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Copies of the alternate allele by row and person, and which rows hold such calls only."""
    calls = np.frombuffer(text, dtype="<u4").reshape(n_rows, -1)
    hashed = _hashed(calls, _FACTOR)
    fine = (_KEYS[hashed] == calls).all(axis=1)
    fine &= (calls[:, -1] >> np.uint32(24)) == ord("\n")
    copies = _COPIES[hashed]
    return copies if columns is None else copies[:, columns], fine
