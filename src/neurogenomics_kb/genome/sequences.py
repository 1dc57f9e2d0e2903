"""Reference sequences and contig names."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pysam

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import open_file, read_text
from neurogenomics_kb.genome.bgzf import BgzfFile
from neurogenomics_kb.genome.genotypes import bare_contig

_COMPLEMENT = str.maketrans("ACGTNacgtn", "TGCANtgcan")
# Letters of nucleic acids (IUPAC), and gaps.
_LETTERS = frozenset("ACGTUNRYSWKMBDHV-.")


def reverse_complement(sequence: str) -> str:
    """Reverse complement of a DNA sequence; anything but A, C, G, T and N stays as it is."""
    return sequence.translate(_COMPLEMENT)[::-1]


class Contig:
    """One sequence of a reference; slices are upper-case text.

    Parameters
    ----------
    reference : Reference
        Opened reference genome.
    name : str
        Name, as the messages and tables have it.
    """

    def __init__(self, reference: Reference, name: str) -> None:
        self._reference, self._name = reference, name

    def __len__(self) -> int:
        return self._reference.lengths[self._name]

    def __getitem__(self, place: slice) -> str:
        start, stop, _ = place.indices(len(self))
        return self._reference.fetch(self._name, start, stop)


class Reference:
    """An indexed FASTA, plain or bgzipped; a context manager.

    Soft-masked (lower-case) bases are the same bases to every encoder here, so case is dropped.

    Parameters
    ----------
    path : str or Path
        ``.fa``, or ``.fa.gz`` compressed with bgzip; an absent index is made.

    Attributes
    ----------
    lengths : dict of str to int
        Bases of every contig.

    Raises
    ------
    InputError
        If the file is missing, damaged, cannot be indexed, or its index is of another file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(
                "the reference FASTA does not exist",
                file=path,
                remedy="Check the path of genomics.reference.",
            )
        make_index(self.path)
        try:
            self._file = pysam.FastaFile(str(self.path))
        except (OSError, ValueError) as error:
            raise _unreadable(self.path, error) from None
        self.lengths = dict(zip(self._file.references, self._file.lengths, strict=True))

    def __enter__(self) -> Reference:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self.lengths)

    def __getitem__(self, name: str) -> Contig:
        if name not in self.lengths:
            raise KeyError(name)
        return Contig(self, name)

    def keys(self) -> list[str]:
        """Names of the contigs."""
        return list(self.lengths)

    def fetch(self, name: str, start: int, stop: int) -> str:
        """Upper-case bases of ``[start, stop)`` (0-based).

        Raises
        ------
        InputError
            If the file ends earlier, or holds something else than bases there.
        """
        if start >= stop:
            return ""
        try:
            with quiet():
                text = self._file.fetch(name, start, stop).upper()
        except (OSError, ValueError) as error:
            raise _unreadable(self.path, error) from None
        if len(text) != stop - start or not _LETTERS.issuperset(text):
            raise InputError(
                f"{name}:{start + 1}-{stop} holds something else than bases",
                file=self.path,
                remedy="The FASTA is damaged or its index (.fai) is of another file: copy it "
                "again and run `samtools faidx`.",
            )
        return text


def open_reference(path: str | Path) -> Reference:
    """Open an indexed FASTA, plain or bgzipped; slices come as upper-case text.

    Parameters
    ----------
    path : str or Path
        The FASTA.

    Raises
    ------
    InputError
        If the file is missing, damaged, cannot be indexed, or its index is of another file.
    """
    return Reference(path)


def make_index(path: Path) -> None:
    """Index a FASTA unless it has an index that is not older and fits.

    Parameters
    ----------
    path : Path
        The FASTA; ``.fai`` (and ``.gzi`` of a bgzipped one) are written beside it.

    Raises
    ------
    InputError
        If the file cannot be indexed, or its index is younger and does not fit.
    """
    with open_file(path) as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    if packed:
        BgzfFile(path).close()  # whole, and bgzip's
    indexes = [Path(f"{path}.fai"), *([Path(f"{path}.gzi")] if packed else [])]
    made = path.stat().st_mtime
    if all(index.exists() and index.stat().st_mtime >= made for index in indexes):
        _check_index(path, packed)
        return
    try:
        with quiet():
            pysam.faidx(str(path))
        _check_index(path, packed)
    except (pysam.SamtoolsError, OSError) as error:
        # A reference on a read-only disk keeps the index that it has, if that fits.
        unwritten = isinstance(error, OSError) or not os.access(path.parent, os.W_OK)
        if unwritten and all(index.exists() for index in indexes):
            _check_index(path, packed)
            return
        raise InputError(
            f"the reference FASTA cannot be indexed ({error})",
            file=path,
            remedy="Check that it is a FASTA with lines of one width, plain or under bgzip "
            "(re-wrap it, e.g. with `seqkit seq`), and that its folder can be written.",
        ) from None


def _check_index(path: Path, packed: bool) -> None:
    """Refuse an index whose contigs do not begin and end where those of the FASTA do."""
    try:
        rows = [line.split("\t") for line in read_text(f"{path}.fai", "an index").splitlines()]
        entries = [(row[0], *map(int, row[1:5])) for row in rows]
    except (UnicodeDecodeError, ValueError, IndexError):
        raise _other_index(path) from None
    if packed:
        _check_blocks(path)
        return
    size = path.stat().st_size
    entries.sort(key=lambda entry: entry[2])
    following = [entry[0].encode() for entry in entries[1:]]
    names = {entry[0].encode() for entry in entries}
    with open_file(path) as stream:
        for number, (name, length, offset, bases, width) in enumerate(entries):
            if length and (bases < 1 or width <= bases):
                raise _other_index(path)
            head = f">{name}".encode()
            # The header line may go on behind the name.
            stream.seek(max(0, offset - len(head) - 4096))
            before = stream.read(offset - stream.tell())
            line = before[before.rfind(b"\n", 0, -1) + 1 :]
            named = line.startswith(head) and line[len(head) : len(head) + 1].isspace()
            if not before.endswith(b"\n") or (len(before) < 4000 and not named):
                raise _other_index(path)
            full, rest = divmod(length, bases) if length else (0, 0)
            last = offset + full * width + rest - (width - bases if full and not rest else 0)
            stream.seek(last)
            behind = stream.read(4096).lstrip(b"\r\n")
            if last > size or (behind and behind[:1] != b">"):
                raise _other_index(path)
            expected = following[number : number + 1]
            # A contig that no index lists is missed where it is asked for; one of a name that is
            # there already would be passed over without a word.
            if behind and (header := _header(behind)) != expected and header and header[0] in names:
                raise InputError(
                    f"contig '{header[0].decode()}' is there twice",
                    file=path,
                    remedy="Keep the sequence that is meant.",
                )


def _header(text: bytes) -> list[bytes]:
    """Name in the header at the start of a text, if it has one; contigs without bases are passed.

    No index lists these.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    while len(lines) > 1 and lines[0][:1] == lines[1][:1] == b">":
        lines.pop(0)
    return lines[0][1:].split(None, 1)[:1]


def _check_blocks(path: Path) -> None:
    """Refuse a ``.gzi`` whose last block is none of the file."""
    with open_file(f"{path}.gzi") as stream:
        data = stream.read()
    n = int.from_bytes(data[:8], "little")
    if len(data) != 8 + 16 * n:
        raise _other_index(path)
    file = BgzfFile(path)
    try:
        if n:
            file.block(int.from_bytes(data[-16:-8], "little"))
    finally:
        file.close()


def _other_index(path: Path) -> InputError:
    return InputError(
        "the index (.fai) is of another FASTA",
        file=path,
        remedy=f"Run `samtools faidx {path.name}` in its folder.",
    )


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"the reference FASTA cannot be read ({error})",
        file=path,
        remedy="It is damaged, or its index (.fai, .gzi) is of another file: copy it again and run "
        "`samtools faidx`.",
    )


class quiet:
    """htslib's own messages off, since what it finds comes as one line."""

    def __enter__(self) -> None:
        self._before = pysam.set_verbosity(0)

    def __exit__(self, *_: object) -> None:
        pysam.set_verbosity(self._before)


def contig_lengths(path: str | Path) -> dict[str, int]:
    """Length in base pairs of every contig of a FASTA."""
    with open_reference(path) as reference:
        return dict(reference.lengths)


def check_contigs(
    wanted: Iterable[str], available: Collection[str], *, file: str | Path, source: str
) -> None:
    """Refuse contigs that a file does not have, and say when only the naming style differs.

    Parameters
    ----------
    wanted : iterable of str
        Contigs that are needed.
    available : collection of str
        Contigs of `file`.
    file : str or Path
        File to name in the message.
    source : str
        Where the wanted contigs come from ("annotation", "regions").

    Raises
    ------
    InputError
        If any wanted contig is not available.
    """
    absent = sorted(set(wanted) - set(available))
    if not absent:
        return
    spelt = {bare_contig(name): name for name in available}
    respelt = next((name for name in absent if bare_contig(name) in spelt), None)
    remedy = f"It has {listing(available)}. Check that both are of the same genome build."
    if respelt is not None:
        other = spelt[bare_contig(respelt)]
        remedy = (
            f"It calls '{respelt}' '{other}': rename the contigs of one of them "
            "(`bcftools annotate --rename-chrs` for a VCF)."
        )
    raise InputError(
        f"contig {listing(absent)} of the {source} is not in this file", file=file, remedy=remedy
    )
