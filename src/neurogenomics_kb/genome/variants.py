"""Genotype calls of a region, whatever the format of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from neurogenomics_kb.foundation.errors import InputError, listing

_BASES = frozenset("ACGTN")


@dataclass(frozen=True)
class Record:
    """One variant, possibly with several alternate alleles.

    Attributes
    ----------
    position : int
        0-based position of the first base of `ref`.
    ref : str
        Reference allele, upper case.
    alts : tuple of (str or None)
        Alternate alleles, upper case; None where the allele is symbolic (``<DEL>``, ``*``, a
        breakend) and has no sequence of its own.
    alleles : ndarray of int, shape (n_samples, 2)
        Allele numbers, 0 the reference, -1 missing. A haploid call stands in both columns.
    phased : ndarray of bool, shape (n_samples,)
        Whether the order of the two alleles means something.
    haploid : int
        Number of samples with a haploid call.
    """

    position: int
    ref: str
    alts: tuple[str | None, ...]
    alleles: np.ndarray
    phased: np.ndarray
    haploid: int

    @property
    def end(self) -> int:
        """0-based position after the last base of `ref`."""
        return self.position + len(self.ref)


class VariantFile(Protocol):
    """What a reader of genotypes offers; a context manager.

    Attributes
    ----------
    path : Path
    samples : list of str
        Samples in the order of the calls.
    contigs : list of str
    """

    path: Path
    samples: list[str]
    contigs: list[str]

    def __enter__(self) -> VariantFile: ...

    def __exit__(self, *_: object) -> None: ...

    def records(self, chrom: str, start: int, end: int) -> Iterator[Record]:
        """Records whose reference allele overlaps ``[start, end)`` (0-based), in file order."""
        ...


def open_variants(path: str | Path, samples: Sequence[str] | None = None) -> VariantFile:
    """Open a VCF, BCF or PGEN, restricted to some samples in the order asked for.

    Parameters
    ----------
    path : str or Path
        ``.vcf.gz`` or ``.bcf`` with its index, or ``.pgen`` with ``.pvar`` and ``.psam`` beside it.
    samples : sequence of str, optional
        Samples to read; default all, in the order of the file.

    Raises
    ------
    InputError
        If a file or its index is missing, the format is another, or a sample is not in it.
    """
    if not Path(path).exists():
        raise InputError(
            "the file of variants does not exist",
            file=path,
            remedy="Check the path of genomics.variants.",
        )
    if Path(path).suffix == ".pgen":
        from neurogenomics_kb.genome.pgen import PgenFile

        return PgenFile(path, samples)
    from neurogenomics_kb.genome.vcf import VcfFile

    return VcfFile(path, samples)


def plain_allele(allele: str) -> str | None:
    """Upper-case allele, or None if it is symbolic."""
    allele = allele.upper()
    return allele if allele and _BASES.issuperset(allele) else None


def check_samples(samples: Sequence[str], present: Sequence[str], path: Path) -> None:
    """Refuse samples that are asked for twice or are not in the file."""
    if not present:
        raise InputError(
            "the file holds sites only, no samples",
            file=path,
            remedy="Supply a VCF with genotype columns.",
        )
    if len(set(samples)) < len(samples):
        twice = sorted({sample for sample in samples if list(samples).count(sample) > 1})
        raise InputError(
            f"samples asked for more than once: {listing(twice)}",
            file=path,
            subjects=len(twice),
            remedy="Name each sample once.",
        )
    absent = sorted(set(samples) - set(present))
    if absent:
        raise InputError(
            f"samples are not in the file: {listing(absent)}",
            file=path,
            subjects=len(absent),
            of=len(samples),
            remedy="Check the spelling of the ids, or leave these subjects out.",
        )
