"""Records of a BCF."""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.bgzf import BgzfFile, Cursor
from neurogenomics_kb.genome.genotypes import Record, plain_allele
from neurogenomics_kb.genome.vcf_text import NO_ALLELE, header_text, phase_set_number, polyploid

MAGIC = b"BCF\2\2"
_SHARED = struct.Struct("<iiifII")
_LENGTHS = struct.Struct("<II")
_COUNTS = struct.Struct("<II")
_SITE = struct.Struct("<IIiii")
_ID = re.compile(rb"[<,]ID=([^,>]+)")
_IDX = re.compile(rb"[<,]IDX=(\d+)")
_DICTIONARY = (b"##FILTER=<", b"##INFO=<", b"##FORMAT=<")
_INTEGERS = {1: np.dtype("<i1"), 2: np.dtype("<i2"), 3: np.dtype("<i4")}
# Values that say "missing" and "no more alleles", by the size of the integer.
_LOWEST = {1: -(1 << 7), 2: -(1 << 15), 4: -(1 << 31)}
# Sizes of the typed values: none, three integers, float, character.
_FLOAT, _TEXT = 5, 7
# Types of two alleles of one letter each.
_LETTERS = bytes((0x17, 0x17))
_SIZES = {0: 0, 1: 1, 2: 2, 3: 4, 5: 4, 7: 1}


class BcfBinary:
    """Reads the records of a BCF (version 2.2); the same offers as `VcfText`.

    Parameters
    ----------
    file : BgzfFile
        The file.

    Raises
    ------
    InputError
        If the header is damaged.
    """

    def __init__(self, file: BgzfFile) -> None:
        self.path = file.path
        cursor = Cursor(file)
        start = cursor.read(9)
        length = int.from_bytes(start[5:], "little")
        text = cursor.read(length)
        lines = text.rstrip(b"\0").splitlines()
        if len(start) < 9 or len(text) < length or not lines or lines[-1][:6] != b"#CHROM":
            raise InputError("the header is damaged", file=self.path, remedy="Copy it again.")
        self.begin = cursor.tell()
        contigs, strings = _dictionaries(lines)
        self._names = {number: header_text(name, self.path) for number, name in contigs.items()}
        self.contigs = [self._names[number] for number in sorted(self._names)]
        self.samples = [header_text(name, self.path).strip() for name in lines[-1].split(b"\t")[9:]]
        # As an index counts them: a contig that was taken out of the header leaves its number.
        self.numbered = [self._names.get(n, "") for n in range(max(self._names, default=-1) + 1)]
        self._gt, self._ps = strings.get(b"GT"), strings.get(b"PS")
        self._columns: np.ndarray | None = None

    @property
    def columns(self) -> np.ndarray | None:
        """Columns whose calls are decoded, None for all of them in their order."""
        return self._columns

    def choose(self, columns: np.ndarray) -> None:
        """Decode the calls of these columns only, in this order."""
        everyone = np.array_equal(columns, np.arange(len(self.samples)))
        self._columns = None if everyone else columns

    def next(self, cursor: Cursor) -> bytes:
        """Next record; empty at the end of the file.

        Raises
        ------
        InputError
            If the file ends inside the record.
        """
        data, place = cursor.within_block()
        if place + _SITE.size <= len(data):
            size = 8 + sum(_LENGTHS.unpack_from(data, place))
            if place + size <= len(data):
                cursor.skip(size)
                return data[place : place + size]
        lengths = cursor.read(8)
        if not lengths:
            return b""
        size = sum(_LENGTHS.unpack(lengths)) if len(lengths) == 8 else 0
        # No record is as long as the file; a wrong length would read to its end.
        rest = cursor.read(size) if size < 1 << 32 else b""
        if not size or len(rest) < size:
            raise self._damaged()
        return lengths + rest

    def site(self, record: bytes) -> tuple[str, int, int]:
        """Contig, 0-based start and end of a record (with what an END tag says)."""
        if len(record) < _SITE.size:
            raise self._damaged()
        _, _, contig, start, length = _SITE.unpack_from(record)
        if contig not in self._names:
            raise self._damaged()
        return self._names[contig], start, start + length

    def table(
        self, data: bytes, begin: int
    ) -> tuple[list[tuple[str, int, int]], np.ndarray, np.ndarray, np.ndarray]:
        """Where the records stand in the content of a file, as `VcfText.table` says it."""
        contigs, places, sites = [], [begin], []
        place = begin
        while place < len(data):
            if place + _SITE.size > len(data):
                raise self._damaged()
            shared, single, contig, start, length = _SITE.unpack_from(data, place)
            place += 8 + shared + single
            if place > len(data) or contig not in self._names or shared < _SHARED.size:
                raise self._damaged()
            contigs.append(contig)
            places.append(place)
            sites.append((start, start + length))
        starts, ends = np.array(sites, dtype=np.int64).reshape(-1, 2).T
        changes = [i for i, c in enumerate(contigs) if i == 0 or c != contigs[i - 1]]
        stops = [*changes[1:], len(contigs)] if changes else []
        stretches = [
            (self._names[contigs[first]], first, last)
            for first, last in zip(changes, stops, strict=True)
        ]
        return stretches, np.array(places), starts, ends

    def decode(self, record: bytes) -> Record:
        """A record with its calls.

        Raises
        ------
        InputError
            If it is damaged, has no genotypes, or more than two alleles per person.
        """
        try:
            return self._decode(record)
        except (struct.error, IndexError, KeyError, UnicodeDecodeError):
            raise self._damaged() from None

    def plain_bases(self, record: bytes, width: int) -> tuple[bytes, bytes] | None:
        """Both alleles of a record that ends in so many bytes of diploid calls, and only of those.

        Parameters
        ----------
        record : bytes
            The record.
        width : int
            Two bytes per person.

        Returns
        -------
        tuple of bytes or None
            Two alleles of one letter; None of any other record.
        """
        shared = int.from_bytes(record[:4], "little")
        calls = 8 + shared
        whole = shared >= _SHARED.size and len(record) == calls + 3 + width
        if not whole or self._gt is None or self._gt > 127:
            return None
        alleles_info, formats_samples = _COUNTS.unpack_from(record, 24)
        if formats_samples != 1 << 24 | width // 2 or alleles_info >> 16 != 2:
            return None
        # One format, the genotypes, as pairs of small integers.
        if record[calls : calls + 3] != bytes((0x11, self._gt, 0x21)):
            return None
        name = record[32]  # its type, and its length where it is short
        place = 33 + (name >> 4)
        pair = record[place : place + 4]
        if name >> 4 == 15 or name & 15 not in (0, _TEXT) or pair[:3:2] != _LETTERS:
            return None
        return pair[1:2], pair[3:4]

    def _decode(self, record: bytes) -> Record:
        shared, _ = _LENGTHS.unpack_from(record)
        _, start, length, _, alleles_info, formats_samples = _SHARED.unpack_from(record, 8)
        n_formats, n_samples = formats_samples >> 24, formats_samples & 0xFFFFFF
        _, place = _value(record, 8 + _SHARED.size)
        texts = []
        for _ in range(alleles_info >> 16):
            text, place = _value(record, place)
            texts.append(text.decode())
        if n_samples != len(self.samples):
            raise self._damaged()
        found: dict[int, np.ndarray] = {}
        place = 8 + shared
        for _ in range(n_formats):
            key, place = _integer(record, place)
            kind, width, place = _type(record, place)
            if key in (self._gt, self._ps) and kind in _INTEGERS:
                values = np.frombuffer(record, _INTEGERS[kind], n_samples * width, place)
                found[key] = values.reshape(n_samples, width)
            elif key == self._ps and width and kind in _SIZES:
                # Phase sets under names, as text.
                found[key] = _named_sets(record, place, n_samples, width, kind)
            place += n_samples * width * _SIZES[kind]
        if place != len(record):
            raise self._damaged()
        raw = found.get(self._gt) if self._gt is not None else None
        if raw is None or not raw.shape[1]:
            raise InputError(
                f"the file holds no genotypes (GT) at {self._where(record)}",
                file=self.path,
                remedy="Supply a BCF with called genotypes.",
            )
        alleles, phased, haploid = self._calls(raw, record)
        alts = tuple(plain_allele(text) for text in texts[1:])
        if alleles.size and alleles.max() > len(alts):
            raise InputError(
                f"the record at {self._where(record)} has a call of allele {alleles.max()} but "
                f"only {len(alts)} alternate alleles",
                file=self.path,
                remedy="The file is damaged; make it again.",
            )
        sets = found.get(self._ps) if self._ps is not None else None
        phase_set = None
        if sets is not None and sets.shape[1]:
            own = sets[:, 0].astype(np.int64)
            if sets.dtype.itemsize in _LOWEST:
                own[own <= _LOWEST[sets.dtype.itemsize] + 1] = -1
            phase_set = own if self._columns is None else own[self._columns]
        block = NO_ALLELE.issuperset(texts[1:]) and length > len(texts[0])
        return Record(
            start, texts[0].upper(), alts, alleles, phased, haploid, phase_set,
            start + length if block else None,
        )  # fmt: skip

    def _calls(self, raw: np.ndarray, record: bytes) -> tuple[np.ndarray, np.ndarray, int]:
        if self._columns is not None:
            raw = raw.take(self._columns, axis=0)
        lowest = _LOWEST[raw.dtype.itemsize]
        absent = lowest + 1  # what fills the row of a lower ploidy
        if raw.shape[1] > 2:
            ploidy = int((raw != absent).sum(axis=1).max(initial=0))
            if ploidy > 2:
                raise polyploid(self._where(record), ploidy, self.path)
            raw = raw[:, :2]
        numbers = (raw >> 1) - 1
        if raw.shape[1] == 1:
            numbers[raw == lowest] = -1
            return numbers[:, [0, 0]], np.ones(len(raw), dtype=bool), len(raw)
        phased = (raw[:, 1] & 1).astype(bool)
        if not raw.size or raw.min() >= 0:
            return numbers, phased, 0
        numbers[raw == lowest] = -1
        single = raw[:, 1] == absent
        numbers[single, 1] = numbers[single, 0]
        return numbers, phased | single, int(single.sum())

    def _where(self, record: bytes) -> str:
        name, start, _ = self.site(record)
        return f"{name}:{start + 1}"

    def _damaged(self) -> InputError:
        return InputError(
            "a record of the BCF is damaged",
            file=self.path,
            remedy="Its index may be of another file; make both again.",
        )


def _dictionaries(lines: list[bytes]) -> tuple[dict[int, bytes], dict[bytes, int]]:
    """Contigs by number, and numbers of the names of filters, tags and formats."""
    contigs: dict[int, bytes] = {}
    strings: dict[bytes, int] = {b"PASS": 0}
    for line in lines:
        name, number = _ID.search(line), _IDX.search(line)
        if name is None:
            continue
        if line.startswith(b"##contig=<"):
            contigs[int(number[1]) if number else len(contigs)] = name[1]
        elif line.startswith(_DICTIONARY) and (number or name[1] not in strings):
            following = max(strings.values()) + 1
            strings[name[1]] = int(number[1]) if number else following
    return contigs, strings


def _named_sets(record: bytes, place: int, n_samples: int, width: int, kind: int) -> np.ndarray:
    """Numbers of phase sets that are not whole numbers in the file, shape (n_samples, 1)."""
    size = width * _SIZES[kind]
    sets = np.full((n_samples, 1), -1, dtype=np.int64)
    for i in range(n_samples):
        own = record[place + i * size : place + (i + 1) * size]
        if kind == _FLOAT:
            sets[i] = -1 if np.isnan(np.frombuffer(own, "<f4", 1)[0]) else phase_set_number(own)
        else:
            sets[i] = phase_set_number(own.rstrip(b"\0"))
    return sets


def _type(data: bytes, place: int) -> tuple[int, int, int]:
    """Type and number of the values described at a place, and the place behind."""
    kind, width = data[place] & 15, data[place] >> 4
    place += 1
    if width == 15:
        width, place = _integer(data, place)
    return kind, width, place


def _integer(data: bytes, place: int) -> tuple[int, int]:
    kind = data[place] & 15
    size = _SIZES[kind]
    return int.from_bytes(data[place + 1 : place + 1 + size], "little", signed=True), (
        place + 1 + size
    )


def _value(data: bytes, place: int) -> tuple[Any, int]:
    """Bytes of the value described at a place, and the place behind."""
    kind, width, place = _type(data, place)
    size = width * _SIZES[kind]
    return data[place : place + size], place + size
