"""Names of chromosomes and genome builds, and which build a file of variants is of."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from neurogenomics_kb.foundation.limits import open_file

GAPS = frozenset({"", ".", "na", "n/a", "nan", "<na>", "none", "null", "nr", "unknown"})
CHROMOSOMES = {"23": "X", "24": "Y", "25": "XY", "26": "MT", "M": "MT"}
BUILDS = {"hg19": "GRCh37", "grch37": "GRCh37", "b37": "GRCh37", "hs37d5": "GRCh37",
          "hg38": "GRCh38", "grch38": "GRCh38", "b38": "GRCh38",
          "hg18": "NCBI36", "ncbi36": "NCBI36"}  # fmt: skip
NAMES = [*map(str, range(1, 23)), "X"]
# Lengths of chromosomes 1 to 22 and X, which tell the builds apart (NCBI and UCSC agree on them).
LENGTHS = {
    "GRCh37": dict(zip(NAMES, (
        249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022,
        141213431, 135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753,
        81195210, 78077248, 59128983, 63025520, 48129895, 51304566, 155270560,
    ), strict=True)),
    "GRCh38": dict(zip(NAMES, (
        248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636,
        138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345,
        83257441, 80373285, 58617616, 64444167, 46709983, 50818468, 156040895,
    ), strict=True)),
}  # fmt: skip


def chromosome_name(text: str) -> str:
    """One spelling of a chromosome: no ``chr``, ``X`` for 23, ``MT`` for M; blank for none.

    Examples
    --------
    >>> [chromosome_name(c) for c in ("chr1", "CHR01", "23", "chrM", " x ", "NA", "7.0")]
    ['1', '1', 'X', 'MT', 'X', '', '7']
    """
    text = text.strip()
    if text.lower() in GAPS:
        return ""
    name = re.sub(r"^chr(omosome)?_?", "", text, flags=re.IGNORECASE)
    # Numbers with a point passed through a column with gaps in another program.
    if re.fullmatch(r"\d+(\.0)?", name):
        name = str(int(float(name)))
    name = name.upper() if len(name) <= 2 else name
    return CHROMOSOMES.get(name, name)


def build_name(text: str) -> str:
    """One spelling of a genome build; as given where it is not a common one.

    Examples
    --------
    >>> build_name("hg19"), build_name("NR"), build_name("T2T-CHM13")
    ('GRCh37', 'unknown', 'T2T-CHM13')
    """
    text = text.strip()
    return "unknown" if text.lower() in GAPS else BUILDS.get(text.lower(), text)


def build_by_lengths(lengths: Mapping[str, int]) -> str | None:
    """Build that contigs of these lengths are of; None where they do not tell.

    Parameters
    ----------
    lengths : mapping of str to int
        Length in bases of each contig.
    """
    own = {chromosome_name(name): length for name, length in lengths.items()}
    fits = [
        build
        for build, known in LENGTHS.items()
        if (both := own.keys() & known) and all(own[name] == known[name] for name in both)
    ]
    return fits[0] if len(fits) == 1 else None


def build_of_variants(path: str | Path) -> str | None:
    """Build of a VCF, BCF or PGEN by the contig lengths in its header; None where it has none.

    A ``.bed`` has no header, and the one of a ``.pvar.zst`` is not read.
    """
    path = Path(path)
    if path.suffix == ".pgen":
        path = path.with_suffix(".pvar")
    if not path.is_file():
        return None
    with open_file(path) as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    try:
        with (gzip.open if packed else open)(path, "rb") as stream:
            return build_by_lengths(_lengths(stream))
    except (OSError, EOFError, zlib.error):  # the reader of the records says what is wrong
        return None


def _lengths(stream: Iterable[bytes]) -> dict[str, int]:
    """Contig lengths in the header of a VCF, BCF or PVAR."""
    lengths: dict[str, int] = {}
    for number, line in enumerate(stream):
        # The first line of a BCF begins with its magic number and the header's length.
        if not line.startswith(b"##") and not (number == 0 and line.startswith(b"BCF")):
            break
        name = re.search(rb"[<,]ID=([^,>]+)", line)
        length = re.search(rb"[<,]length=(\d+)", line)
        if line.startswith(b"##contig") and name and length:
            lengths[name[1].decode("utf-8", "replace")] = int(length[1])
    return lengths
