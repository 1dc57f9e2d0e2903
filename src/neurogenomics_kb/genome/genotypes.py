"""What every reader of genotypes shares: records, options, and how a format is described."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

from neurogenomics_kb.foundation.errors import InputError, listing

_BASES = frozenset("ACGTN")
# Pseudoautosomal stretches of X under the names that PLINK gives them.
ON_X = ("PAR1", "PAR2", "XY")


@dataclass(frozen=True, slots=True)
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
    phase_set : ndarray of int, shape (n_samples,), optional
        Within which set of records the order of the alleles means something, -1 where none is
        named; default None, one set for the whole file.
    block_end : int, optional
        0-based position after the last base of a reference block (gVCF), which says that the
        people with a call carry the reference from `position` on; default None, an ordinary record.
    """

    position: int
    ref: str
    alts: tuple[str | None, ...]
    alleles: np.ndarray
    phased: np.ndarray
    haploid: int
    phase_set: np.ndarray | None = None
    block_end: int | None = None

    @property
    def end(self) -> int:
        """0-based position after the last base of `ref`."""
        return self.position + len(self.ref)


class VariantFile(Protocol):
    """What a reader of genotypes offers; a context manager.

    One that can read many records at once may have a method ``blocks``, too, as
    `neurogenomics_kb.genome.site_blocks.BlockReader` says; scores are summed by it.

    Attributes
    ----------
    path : Path
        File to name in messages.
    samples : list of str
        Samples in the order of the calls.
    contigs : list of str
        Contigs that the file declares; there need not be a record on each.
    """

    path: Path
    samples: list[str]
    contigs: list[str]

    def __enter__(self) -> VariantFile: ...

    def __exit__(self, *_: object) -> None: ...

    def records(self, chrom: str, start: int, end: int) -> Iterator[Record]:
        """Records whose reference allele overlaps ``[start, end)`` (0-based), in file order."""
        ...

    def spans(self) -> dict[str, tuple[int, int]]:
        """0-based positions of the first and the last record of every contig that has records."""
        ...


class GenotypeOptions(BaseModel):
    """Options that every format has; a format's own model adds its ``format`` and its own.

    Attributes
    ----------
    format : str
        Name of the format in the registry.
    path : Path or tuple of Path
        The file, a pattern (``chr*.vcf.gz``), or several files that together are one source.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str
    path: Path | tuple[Path, ...]


@dataclass(frozen=True)
class GenotypeFormat:
    """One format of genotypes.

    Attributes
    ----------
    name : str
        As ``format`` says it.
    options : type of GenotypeOptions
        Only the options that this format has.
    suffixes : tuple of str
        Ends of file names that are read as this format where none is named.
    build : callable
        ``build(options, samples)`` opens one file; `options` holds its path.
    """

    name: str
    options: type[GenotypeOptions]
    suffixes: tuple[str, ...]
    build: Callable[[Any, Sequence[str] | None], VariantFile]


def plain_allele(allele: str) -> str | None:
    """Upper-case allele, or None if it is symbolic."""
    allele = allele.upper()
    return allele if allele and _BASES.issuperset(allele) else None


def check_samples(samples: Sequence[str], present: Sequence[str], path: Path) -> None:
    """Refuse samples that are nameless, there twice, asked for twice, or not there.

    Parameters
    ----------
    samples : sequence of str
        Samples asked for.
    present : sequence of str
        Samples of the file.
    path : Path
        The file, for messages.

    Raises
    ------
    InputError
    """
    if not present:
        raise InputError(
            "the file holds sites only, no samples",
            file=path,
            remedy="Supply a file with genotypes.",
        )
    nameless = sum(not name for name in present)
    if nameless:
        raise InputError(
            "samples have no name",
            file=path,
            subjects=nameless,
            of=len(present),
            remedy="Name them (`bcftools reheader --samples`).",
        )
    if len(set(present)) < len(present):
        twice = [sample for sample, n in Counter(present).items() if n > 1]
        raise InputError(
            f"sample ids occur more than once: {listing(twice)}",
            file=path,
            subjects=len(twice),
            of=len(set(present)),
            remedy="Give every sample its own id (`bcftools reheader --samples`, or ids that are "
            "unique over families).",
        )
    if len(set(samples)) < len(samples):
        twice = sorted(sample for sample, n in Counter(samples).items() if n > 1)
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


def place_on_x(names: Sequence[str], declared: Sequence[str] = ()) -> dict[str, str]:
    """Contig of every name in a PLINK file: pseudoautosomal stretches are parts of X.

    ``plink2 --split-par`` calls them PAR1 and PAR2, PLINK 1 XY (or 25); the reference and the
    annotation know X only.

    Parameters
    ----------
    names : sequence of str
        Names in the file.
    declared : sequence of str
        Names in its header.

    Returns
    -------
    dict of str to str
        The name that X has in the file (``chrX`` or ``X``, as the other contigs are spelt).
    """
    # plink2 may spell contigs otherwise than the header that it kept.
    x = next((name for name in ("chrX", "X", "23", "chr23") if name in names), None)
    if x is None:
        others = [name for name in names if bare_stretch(name) not in ON_X]
        spelt = others or declared
        x = "chrX" if any(name.startswith("chr") for name in spelt) else "X"
    split = {*ON_X, "25"} if x == "23" else ON_X
    return {name: x if bare_stretch(name) in split else name for name in names}


def bare_stretch(name: str) -> str:
    """Name of a stretch of X without what its spellings differ in (chrPAR1, par1, X_PAR1)."""
    return name.upper().removeprefix("CHR").removeprefix("X_")


def refuse_two_spellings(names: Iterable[str], file: str | Path) -> None:
    """Refuse records of one chromosome under two names: a region has one of them only.

    Parameters
    ----------
    names : iterable of str
        Contigs that have records.
    file : str or Path
        To name in the message.

    Raises
    ------
    InputError
    """
    spelt: dict[str, str] = {}
    for name in names:
        bare = bare_contig(name)
        # References hold two mitochondrial sequences now and then, chrM and MT.
        if bare != "mt" and spelt.setdefault(bare, name) != name:
            raise InputError(
                f"there are records under '{spelt[bare]}' and under '{name}', which are one "
                "chromosome",
                file=file,
                remedy="Rename the contigs of one part (`bcftools annotate --rename-chrs`).",
            )


def bare_contig(name: str) -> str:
    """A contig's name without what spellings differ in: prefix, case, M or MT."""
    bare = name.lower().removeprefix("chr")
    return "mt" if bare == "m" else bare
