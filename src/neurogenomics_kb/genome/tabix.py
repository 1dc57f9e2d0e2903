"""Indexes of BGZF files (``.tbi``, ``.csi``): where in a file the records of a region may stand."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import open_file


class RegionIndex:
    """An index as htslib, bcftools and htsjdk write it.

    Parameters
    ----------
    path : Path
        ``.tbi`` or ``.csi``.

    Attributes
    ----------
    names : list of str
        Contigs, in the order of the index; empty for the index of a BCF, which has no names.

    Raises
    ------
    InputError
        If the index is damaged or of another kind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with open_file(path) as packed, gzip.open(packed) as stream:
                self._data = stream.read()
            self._parse()
        except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
            raise InputError(
                f"the index is damaged ({error})", file=path, remedy="Index the file again."
            ) from None

    def _parse(self) -> None:
        magic = self._data[:4]
        self.names: list[str] = []
        if magic == b"TBI\1":
            n_contigs, *_, n_names = struct.unpack_from("<8i", self._data, 4)
            self._shift, self._depth, place = 14, 5, 36
            self._read_names(place, n_names)
            place += n_names
        elif magic == b"CSI\1":
            self._shift, self._depth, n_aux = struct.unpack_from("<3i", self._data, 4)
            if n_aux >= 28:
                n_names = struct.unpack_from("<7i", self._data, 16)[6]
                self._read_names(44, n_names)
            place = 16 + n_aux
            (n_contigs,) = struct.unpack_from("<i", self._data, place)
            place += 4
        else:
            raise ValueError("neither TBI nor CSI")
        self._linear = magic == b"TBI\1"
        self._bins: list[dict[int, tuple[int, int, int]]] = []
        self._offsets: list[tuple[int, int]] = []
        self.end = 0
        for _ in range(n_contigs):
            place = self._read_contig(place)

    def _read_names(self, place: int, length: int) -> None:
        text = self._data[place : place + length]
        self.names = [name.decode() for name in text.split(b"\0")[:-1]]

    def _read_contig(self, place: int) -> int:
        """Where the chunks of each bin stand; returns the place of the next contig."""
        data = self._data
        (n_bins,) = struct.unpack_from("<i", data, place)
        place += 4
        head = struct.Struct("<Ii" if self._linear else "<IQi")
        meta = _first_bin(self._depth + 1) + 1
        bins = {}
        for _ in range(n_bins):
            number, *least, n_chunks = head.unpack_from(data, place)
            place += head.size
            if number != meta:
                bins[number] = (place, n_chunks, least[0] if least else 0)
            place += 16 * n_chunks
            if n_chunks < 0 or place > len(data):
                raise ValueError("it ends too early")
            if number != meta and n_chunks:
                self.end = max(self.end, struct.unpack_from("<Q", data, place - 8)[0])
        self._bins.append(bins)
        if self._linear:
            (n_windows,) = struct.unpack_from("<i", data, place)
            self._offsets.append((place + 4, n_windows))
            place += 4 + 8 * n_windows
            if n_windows < 0 or place > len(data):
                raise ValueError("it ends too early")
        return place

    def __len__(self) -> int:
        return len(self._bins)

    def chunks(self, number: int, start: int, end: int) -> list[tuple[int, int]]:
        """Stretches of the file, as virtual offsets, that may hold records of a region.

        Parameters
        ----------
        number : int
            Number of the contig in the index.
        start, end : int
            Region, 0-based and half-open.
        """
        bins = self._bins[number]
        last = (1 << (self._shift + 3 * self._depth)) - 1
        start, end = max(0, start), min(end - 1, last)
        least = self._least(number, start)
        found = []
        for level in range(self._depth + 1):
            shift = self._shift + 3 * (self._depth - level)
            first = _first_bin(level)
            low, high = first + (start >> shift), first + (end >> shift)
            if high - low > len(bins):
                numbers = [b for b in bins if low <= b <= high]
            else:
                numbers = [b for b in range(low, high + 1) if b in bins]
            for b in numbers:
                place, n, _ = bins[b]
                pairs = struct.unpack_from(f"<{2 * n}Q", self._data, place)
                found += [p for p in zip(pairs[::2], pairs[1::2], strict=True) if p[1] > least]
        return _merged(found)

    def _least(self, number: int, start: int) -> int:
        """Virtual offset before which no record reaches `start`."""
        if self._linear:
            place, n = self._offsets[number]
            window = min(start >> self._shift, n - 1)
            return struct.unpack_from("<Q", self._data, place + 8 * window)[0] if n else 0
        # CSI keeps it by bin: that of the smallest bin around `start` that exists.
        for level in range(self._depth, -1, -1):
            shift = self._shift + 3 * (self._depth - level)
            found = self._bins[number].get(_first_bin(level) + (start >> shift))
            if found is not None:
                return found[2]
        return 0

    def last_chunk(self, number: int) -> int | None:
        """Virtual offset of a record near the end of a contig; None if it has no record."""
        begins = [
            struct.unpack_from("<Q", self._data, place + 16 * (n - 1))[0]
            for place, n, _ in self._bins[number].values()
            if n
        ]
        return max(begins, default=None)

    def holds(self, number: int) -> bool:
        """Whether a contig has records."""
        return any(n for _, n, _ in self._bins[number].values())

    def first_chunk(self, number: int) -> int | None:
        """Virtual offset of a contig's first record; None if it has no record."""
        return min((begin for _, _, begin in self.bins(number)), default=None)

    def bins(self, number: int) -> list[tuple[int, int, int]]:
        """Start and end of the positions of each bin, and virtual offset of its first record."""
        found = []
        for b, (place, n, _) in self._bins[number].items():
            level = next(k for k in range(self._depth, -1, -1) if b >= _first_bin(k))
            width = 1 << self._shift + 3 * (self._depth - level)
            start = (b - _first_bin(level)) * width
            if n:
                offset = struct.unpack_from("<Q", self._data, place)[0]
                found.append((start, start + width, offset))
        return found


def _first_bin(level: int) -> int:
    """Number of the first bin of a level; the whole contig is level 0."""
    return ((1 << 3 * level) - 1) // 7


def _merged(chunks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Chunks in file order, those that touch or share a block as one."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(chunks):
        if merged and begin >> 16 <= merged[-1][1] >> 16:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged
