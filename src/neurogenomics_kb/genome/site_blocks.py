"""Many records of a contig at once: their alleles first, and the calls of those that are wanted.

A reader that can tell alleles without decoding calls, or decode many records at once, has a method
``blocks(contig, positions)``; every other one is read record by record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from neurogenomics_kb.genome.allele_choice import BASES
from neurogenomics_kb.genome.genotypes import Record, VariantFile

# What a record is that has not two single bases for alleles, among the numbers of bases.
NO_BASE = -1
# Calls that are held at a time, of all people.
CALLS = 1 << 22
MOST_RECORDS = 4096
_NUMBERS = {text: n for base, n in BASES.items() for text in (base, base.lower())}
_NUMBERS_OF_BYTES = {text.encode(): n for text, n in _NUMBERS.items()}


class SiteBlock(Protocol):
    """Records of one contig, in order of position; all records of a position are in one block.

    Attributes
    ----------
    positions : ndarray of int, shape (n_records,)
        0-based.
    ref, alt : ndarray of int8, shape (n_records,)
        Alleles of records of two single bases, by their numbers in `BASES`; `NO_BASE` in either
        says that the record is another one.
    """

    positions: np.ndarray
    ref: np.ndarray
    alt: np.ndarray

    def record(self, number: int) -> Record:
        """One record with its calls, by its number in the block."""
        ...

    def counts(self, numbers: np.ndarray) -> np.ndarray:
        """Copies of the alternate allele, of records of two single bases.

        Parameters
        ----------
        numbers : ndarray of int, shape (n,)
            Their numbers in the block, rising.

        Returns
        -------
        ndarray of int8, shape (n, n_samples)
            0, 1 or 2; negative where a call is not whole.
        """
        ...


@runtime_checkable
class BlockReader(Protocol):
    """A reader of genotypes that offers blocks."""

    def blocks(self, contig: str, positions: np.ndarray) -> Iterator[SiteBlock]:
        """Records that begin at some positions of a contig.

        Parameters
        ----------
        contig : str
            As the file names it.
        positions : ndarray of int, shape (n_positions,)
            0-based, rising, each once.
        """
        ...


class RecordBlock:
    """Records that have been decoded.

    Parameters
    ----------
    records : sequence of Record
        In order of position.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self.positions = np.array([r.position for r in records], dtype=np.int64)
        pairs = [
            (_NUMBERS.get(r.ref, NO_BASE), _NUMBERS.get(r.alts[0] or "", NO_BASE))
            if len(r.alts) == 1
            else (NO_BASE, NO_BASE)
            for r in records
        ]
        self.ref, self.alt = np.array(pairs, dtype=np.int8).reshape(-1, 2).T

    def record(self, number: int) -> Record:
        """One record with its calls, by its number in the block."""
        return self._records[number]

    def counts(self, numbers: np.ndarray) -> np.ndarray:
        """Copies of the alternate allele, of records of two single bases."""
        calls = np.stack([self._records[number].alleles for number in numbers.tolist()])
        first, second = calls[:, :, 0], calls[:, :, 1]
        copies = (first == 1).view(np.int8) + (second == 1).view(np.int8)
        copies[(first < 0) | (second < 0)] = -1
        return copies


def base_numbers(texts: Iterable[str | bytes]) -> np.ndarray:
    """Numbers of alleles that are single bases, in either case; `NO_BASE` of all others.

    Examples
    --------
    >>> base_numbers(["A", "c", "AT", "*", "N"]).tolist()
    [0, 1, -1, -1, 4]
    """
    texts = list(texts)
    known = _NUMBERS_OF_BYTES if texts and isinstance(texts[0], bytes) else _NUMBERS
    return np.array([known.get(text, NO_BASE) for text in texts], dtype=np.int8)


def records_at_once(n_samples: int) -> int:
    """Number of records whose calls are held at a time."""
    return int(np.clip(CALLS // max(n_samples, 1), 1, MOST_RECORDS))


def blocks_of(
    calls: VariantFile, contigs: Sequence[str], positions: np.ndarray
) -> Iterator[SiteBlock]:
    """Records that begin at some positions of a chromosome.

    Parameters
    ----------
    calls : VariantFile
        Opened genotypes.
    contigs : sequence of str
        Names that the file has for the chromosome.
    positions : ndarray of int, shape (n_positions,)
        0-based, rising, each once.
    """
    if len(contigs) == 1 and isinstance(calls, BlockReader):
        yield from calls.blocks(contigs[0], positions)
        return
    places = positions.tolist()
    found = (
        record
        for start in places
        for contig in contigs
        for record in calls.records(contig, start, start + 1)
        if record.position == start
    )
    yield from record_blocks(found, len(calls.samples))


def record_blocks(records: Iterable[Record], n_samples: int) -> Iterator[RecordBlock]:
    """Decoded records by the block, no position in two of them.

    Parameters
    ----------
    records : iterable of Record
        In order of position.
    n_samples : int
        People, whose number bounds that of the records.
    """
    size, waiting = records_at_once(n_samples), []
    for record in records:
        if len(waiting) >= size and record.position != waiting[-1].position:
            yield RecordBlock(waiting)
            waiting = []
        waiting.append(record)
    if waiting:
        yield RecordBlock(waiting)
