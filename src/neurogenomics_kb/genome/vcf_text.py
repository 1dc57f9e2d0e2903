"""Rows of a VCF as records."""

from __future__ import annotations

import re
from pathlib import Path
from zlib import crc32

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.bgzf import BgzfFile, Cursor
from neurogenomics_kb.genome.genotypes import Record, plain_allele

FIXED = [b"#CHROM", b"POS", b"ID", b"REF", b"ALT", b"QUAL", b"FILTER", b"INFO"]
# Alternate alleles of records that say "nothing but the reference here".
NO_ALLELE = frozenset((".", "<NON_REF>", "<*>", "<X>"))
CONTIG = re.compile(rb"##contig=<(?:.*?,)?ID=([^,>]+)")
_NO_ALLELE = frozenset(text.encode() for text in NO_ALLELE)
_END = re.compile(rb"(?:^|;)END=(\d+)")
_TAB, _FEED, _COLON, _BAR, _SLASH = b"\t\n:|/"
# Long enough for the fixed fields of almost every row.
_HEAD = 256
# Digits as numbers, a dot as -1 (missing), anything else as what no allele can be.
_OTHER, _PHASED, _UNPHASED, _NEXT = 100, 101, 102, 103
_SPECIAL = {_BAR: _PHASED, _SLASH: _UNPHASED, _TAB: _NEXT, _FEED: _NEXT, ord("."): 255}
_CODES = bytes(_SPECIAL.get(c, c - 48 if 48 <= c <= 57 else _OTHER) for c in range(256))
_CODE = np.frombuffer(_CODES, dtype=np.int8)
_ENDS = np.isin(np.arange(256), [_COLON, _TAB, _FEED])
_SEPARATES = np.isin(np.arange(256), [_BAR, _SLASH])


class VcfText:
    """Reads the rows of a VCF.

    Parameters
    ----------
    file : BgzfFile
        The file.

    Attributes
    ----------
    samples, contigs : list of str
        As the header names them, without blanks around them.
    numbered : list of str
        Contigs at the numbers that an index without names has for them.
    begin : int
        Virtual offset of the first record.

    Raises
    ------
    InputError
        If the header is damaged, or of no VCF.
    """

    def __init__(self, file: BgzfFile) -> None:
        self.path = file.path
        cursor = Cursor(file)
        contigs = []
        line = cursor.line()
        while line.startswith(b"##"):
            found = CONTIG.match(line)
            if found is not None:
                contigs.append(found[1])
            line = cursor.line()
        fields = line.rstrip(b"\r\n").split(b"\t")
        if fields[:8] != FIXED or (len(fields) > 8 and fields[8] != b"FORMAT"):
            raise InputError(
                "there is no header line #CHROM, POS, ID, … of a VCF",
                file=self.path,
                remedy="Supply a VCF, or name the format in the catalog.",
            )
        self.begin = cursor.tell()
        self.contigs = list(dict.fromkeys(header_text(name, self.path) for name in contigs))
        self.numbered = self.contigs
        self.samples = [header_text(name, self.path).strip() for name in fields[9:]]
        self._columns: np.ndarray | None = None
        self._ready(len(self.samples))
        self._calls: dict[bytes, tuple[int, int, bool, int]] = {}

    @property
    def columns(self) -> np.ndarray | None:
        """Columns whose calls are decoded, None for all of them in their order."""
        return self._columns

    def choose(self, columns: np.ndarray) -> None:
        """Decode the calls of these columns only, in this order."""
        everyone = np.array_equal(columns, np.arange(len(self.samples)))
        self._columns = None if everyone else columns
        self._ready(len(columns))

    def _ready(self, n_chosen: int) -> None:
        """What a row of plain calls is compared with."""
        self._nexts = bytes([_NEXT]) * len(self.samples)
        self._bars = bytes([_PHASED]) * n_chosen
        self._all = np.ones(n_chosen, dtype=bool)
        self._all.flags.writeable = False

    @staticmethod
    def next(cursor: Cursor) -> bytes:
        """Next row; empty at the end of the file."""
        return cursor.line()

    def site(self, row: bytes) -> tuple[str, int, int]:
        """Contig, 0-based start and end of a row, or of the reference block that it is.

        Raises
        ------
        InputError
            If the row is no record.
        """
        parts = row[:_HEAD].split(b"\t", 5)
        if len(parts) < 6:
            # An id or an allele so long that the alternate alleles are not whole yet.
            parts = row.split(b"\t", 5)
        try:
            start = int(parts[1]) - 1
            end = start + len(parts[3])
            # Only reference blocks reach farther than their reference allele.
            if parts[4][:1] in (b"<", b".") and _NO_ALLELE.issuperset(parts[4].split(b",")):
                end = max(end, _block_end(row, start))
            return parts[0].decode(), start, end
        except (IndexError, ValueError):
            raise self._damaged(row) from None

    def table(
        self, data: bytes, begin: int
    ) -> tuple[list[tuple[str, int, int]], np.ndarray, np.ndarray, np.ndarray]:
        """Where the records stand in the content of a file, from `begin` on.

        Returns
        -------
        stretches : list of (str, int, int)
            Contig, number of its first record and of the one after its last.
        places : ndarray of int, shape (n_records + 1,)
            Where each record begins in `data`, and where the last one ends.
        starts, ends : ndarray of int, shape (n_records,)
            0-based positions, as `site` gives them.
        """
        rows = data[begin:].split(b"\n")
        rows = [row + b"\n" for row in rows[:-1]] + ([rows[-1]] if rows[-1] else [])
        tagged = b"END=" in data or b":LEN" in data or b"\tLEN:" in data
        starts, ends, changes, names = [], [], [], []
        last = b""
        for number, row in enumerate(rows):
            parts = row.split(b"\t", 4)
            if tagged or len(parts) < 5:
                _, start, end = self.site(row)
            else:
                try:
                    start = int(parts[1]) - 1
                except ValueError:
                    raise self._damaged(row) from None
                end = start + len(parts[3])
            if parts[0] != last:
                last = parts[0]
                changes.append(number)
                names.append(last.decode("utf-8", "replace"))
            starts.append(start)
            ends.append(end)
        places = np.cumsum([begin, *map(len, rows)])
        stops = [*changes[1:], len(rows)] if changes else []
        stretches = list(zip(names, changes, stops, strict=True))
        return stretches, places, np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)

    def decode(self, row: bytes) -> Record:
        """A row as a record.

        Raises
        ------
        InputError
            If the row is damaged, has no genotypes, or more than two alleles per person.
        """
        parts, offset = fields_of(row)
        if len(parts) < 10:
            raise self._damaged(row)
        body = row[offset:]
        if body[-1:] != b"\n" or body[-2:] == b"\r\n":
            body = body.rstrip(b"\r\n") + b"\n"
        try:
            start, ref, texts = int(parts[1]) - 1, parts[3].decode(), parts[4].decode().split(",")
        except ValueError:
            raise self._damaged(row) from None
        if not ref:
            raise self._damaged(row)
        alts = () if texts == ["."] or texts == [""] else tuple(map(plain_allele, texts))
        form = parts[8]
        phase_set = None
        if form == b"GT" and (calls := self._plain(body)) is not None:
            alleles, phased, haploid = calls
        else:
            alleles, phased, haploid, phase_set = self._formatted(row, form.split(b":"), body)
        if alleles.size and alleles.max() > len(alts):
            raise InputError(
                f"the record at {_place(parts)} has a call of allele {alleles.max()} but only "
                f"{len(alts)} alternate alleles",
                file=self.path,
                remedy="The file is damaged; make it again.",
            )
        block_end = None
        if NO_ALLELE.issuperset(texts):
            block_end = _block_end(row, start)
            block_end = block_end if block_end > start + len(ref) else None
        return Record(start, ref.upper(), alts, alleles, phased, haploid, phase_set, block_end)

    def _plain(self, body: bytes) -> tuple[np.ndarray, np.ndarray, int] | None:
        """Calls of a row that holds nothing but diploid calls of one digit; None of another."""
        n = len(self.samples)
        if len(body) != 4 * n:
            return None
        codes = np.frombuffer(body.translate(_CODES), dtype=np.int8).reshape(n, 4)
        if codes[:, 3].tobytes() != self._nexts:
            return None
        if self._columns is not None:
            codes = codes.take(self._columns, axis=0)
        alleles = codes[:, ::2]
        if not alleles.size or alleles.max() >= _OTHER:
            return None
        if codes[:, 1].tobytes() == self._bars:
            return alleles, self._all, 0
        separators = codes[:, 1]
        phased = separators == _PHASED
        if not (phased | (separators == _UNPHASED)).all():
            return None
        return alleles, phased, 0

    def _formatted(
        self, row: bytes, form: list[bytes], body: bytes
    ) -> tuple[np.ndarray, np.ndarray, int, np.ndarray | None]:
        """Calls of any row, by the places of its tabs."""
        if b"GT" not in form:
            raise InputError(
                f"the file holds no genotypes (GT) at {_place(fields_of(row)[0])}",
                file=self.path,
                remedy="Supply a VCF with called genotypes.",
            )
        # What lies behind the last call is looked at too.
        buffer = np.frombuffer(body + b"\n\n\n", dtype=np.uint8)
        tabs = np.flatnonzero(buffer[: len(body)] == _TAB)
        if len(tabs) + 1 != len(self.samples):
            raise InputError(
                f"the record at {_place(fields_of(row)[0])} has {len(tabs) + 1} calls, the header "
                f"{len(self.samples)} samples",
                file=self.path,
                remedy="The file is damaged; make it again.",
            )
        edges = np.empty(len(tabs) + 2, dtype=np.intp)
        edges[0], edges[1:-1], edges[-1] = -1, tabs, len(body) - 1
        columns = slice(None) if self._columns is None else self._columns
        starts, stops = edges[:-1][columns] + 1, edges[1:][columns]
        first, between = _CODE[buffer[starts]], buffer[starts + 1]
        second, behind = _CODE[buffer[starts + 2]], buffer[starts + 3]
        called = first < _OTHER
        single = called & _ENDS[between]
        diploid = called & _SEPARATES[between] & (second < _OTHER) & _ENDS[behind]
        alleles = np.empty((len(starts), 2), dtype=np.int16)
        alleles[:, 0] = first
        alleles[:, 1] = np.where(single, first, second)
        phased = (between == _BAR) | single
        place = form.index(b"GT")
        odd = np.arange(len(starts)) if place else np.flatnonzero(~(diploid | single))
        for i in odd.tolist():
            fields = body[starts[i] : stops[i]].split(b":")
            text = fields[place] if place < len(fields) else b"."
            one, two, phased[i], single[i] = self._call(text, row)
            alleles[i] = one, two
        phase_set = None
        if b"PS" in form:
            phase_set = self._phase_sets(form.index(b"PS"), body, starts, stops, alleles, phased)
        return alleles, phased, int(single.sum()), phase_set

    def _call(self, text: bytes, row: bytes) -> tuple[int, int, bool, bool]:
        """Alleles of an unusual call, whether they are phased, and whether there is one only."""
        found = self._calls.get(text)
        if found is None:
            found = self._calls[text] = self._parse_call(text, row)
        return found

    def _parse_call(self, text: bytes, row: bytes) -> tuple[int, int, bool, bool]:
        # VCF 4.4 may put the phase of the first allele in front of it.
        leading = text[:1] if text[:1] in (b"|", b"/") else b""
        parts = re.split(rb"([/|])", text[len(leading) :])
        alleles = parts[::2]
        if not all(a == b"." or a.isdigit() for a in alleles):
            raise InputError(
                f"the record at {_place(fields_of(row)[0])} has a call that is no genotype "
                f"({text.decode('latin-1')!r})",
                file=self.path,
                remedy="Write missing calls as ./. and make the file again.",
            )
        if len(alleles) > 2:
            raise polyploid(_place(fields_of(row)[0]), len(alleles), self.path)
        numbers = [-1 if a == b"." else int(a) for a in alleles]
        single = len(numbers) == 1
        phased = single or (parts[1] == b"|" and leading != b"/")
        return numbers[0], numbers[-1], phased, single

    @staticmethod
    def _phase_sets(
        place: int,
        body: bytes,
        starts: np.ndarray,
        stops: np.ndarray,
        alleles: np.ndarray,
        phased: np.ndarray,
    ) -> np.ndarray:
        """Phase set of each phased heterozygote; -1 elsewhere and where none is named."""
        sets = np.full(len(starts), -1, dtype=np.int64)
        for i in np.flatnonzero(phased & (alleles[:, 0] != alleles[:, 1])).tolist():
            fields = body[starts[i] : stops[i]].split(b":")
            text = fields[place] if place < len(fields) else b"."
            sets[i] = phase_set_number(text)
        return sets

    def _damaged(self, row: bytes) -> InputError:
        return InputError(
            f"a row is no record of a VCF ({row[:40].decode('latin-1')!r})",
            file=self.path,
            remedy="The file is damaged, or its index is of another file; make both again.",
        )


def phase_set_number(text: bytes) -> int:
    """Number of a phase set by its name, which need not be one; -1 where there is no name."""
    if text.isdigit() and len(text) < 13:
        return int(text)
    return -1 if text in (b".", b"") else 1 << 40 | crc32(text)


def header_text(name: bytes, path: Path) -> str:
    """A name of the header.

    Raises
    ------
    InputError
        If it is not UTF-8.
    """
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise InputError(
            f"a name in the header is not UTF-8 ({name.decode('latin-1')!r} in Latin-1)",
            file=path,
            remedy="Rename it with `bcftools reheader`.",
        ) from None


def polyploid(place: str, ploidy: int, path: Path) -> InputError:
    """Error about a call of more than two alleles."""
    return InputError(
        f"the record at {place} has ploidy {ploidy}",
        file=path,
        remedy="Only haploid and diploid calls have two haplotypes; remove the record.",
    )


def fields_of(row: bytes) -> tuple[list[bytes], int]:
    """Nine fixed fields (and a tenth, of no use), and where the calls begin."""
    parts = row[:_HEAD].split(b"\t", 9)
    if len(parts) == 10:
        return parts, min(len(row), _HEAD) - len(parts[9])
    parts = row.split(b"\t", 9)
    return parts, len(row) - len(parts[-1])


def _place(parts: list[bytes]) -> str:
    return b":".join(parts[:2]).decode("latin-1")


def _block_end(row: bytes, start: int) -> int:
    """0-based end of a reference block, 0 where nothing tells it.

    By END up to VCF 4.4, by the longest LEN of the people since.
    """
    fields = row.rstrip(b"\r\n").split(b"\t")
    found = _END.search(fields[7])
    if found is not None:
        return int(found[1])
    form = fields[8].split(b":") if len(fields) > 8 else []
    if b"LEN" not in form:
        return 0
    place = form.index(b"LEN")
    lengths = [own[place] for text in fields[9:] if len(own := text.split(b":")) > place]
    return start + max((int(n) for n in lengths if n.isdigit()), default=0)
