"""Reference sequences and contig names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from pyfaidx import Fasta, FastaIndexingError, FastaNotFoundError

from neurogenomics_kb.foundation.errors import InputError, listing

_COMPLEMENT = str.maketrans("ACGTNacgtn", "TGCANtgcan")


def reverse_complement(sequence: str) -> str:
    """Reverse complement of a DNA sequence; anything but A, C, G, T and N stays as it is."""
    return sequence.translate(_COMPLEMENT)[::-1]


def open_reference(path: str | Path) -> Fasta:
    """Open an indexed FASTA; slices come as upper-case text.

    Soft-masked (lower-case) bases are the same bases to every encoder here, so case is dropped.

    Raises
    ------
    InputError
        If the file is missing or cannot be indexed.
    """
    try:
        return Fasta(str(path), as_raw=True, sequence_always_upper=True)
    except (FastaNotFoundError, FileNotFoundError):
        raise InputError(
            "the reference FASTA does not exist",
            file=path,
            remedy="Check the path of genomics.reference.",
        ) from None
    except FastaIndexingError as error:
        raise InputError(
            f"the reference FASTA cannot be indexed ({error})",
            file=path,
            remedy="Re-wrap it to one line length, e.g. with `seqkit seq`, or download it again.",
        ) from None


def contig_lengths(path: str | Path) -> dict[str, int]:
    """Length in base pairs of every contig of a FASTA."""
    with open_reference(path) as reference:
        return {name: len(reference[name]) for name in reference.keys()}  # noqa: SIM118


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
    respelt = [n for n in absent if f"chr{n}" in available or n.removeprefix("chr") in available]
    remedy = f"It has {listing(available)}. Check that both are of the same genome build."
    if respelt:
        other = f"chr{respelt[0]}"
        other = other if other in available else respelt[0].removeprefix("chr")
        remedy = (
            f"It calls '{respelt[0]}' '{other}': rename the contigs of one of them "
            "(`bcftools annotate --rename-chrs` for a VCF)."
        )
    raise InputError(
        f"contig {listing(absent)} of the {source} is not in this file", file=file, remedy=remedy
    )
