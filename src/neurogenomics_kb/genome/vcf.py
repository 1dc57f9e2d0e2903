"""Genotype calls of a region, read from an indexed VCF or BCF."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from cyvcf2 import VCF

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.variants import Record, check_samples, plain_allele


class VcfFile:
    """An indexed VCF or BCF, restricted to some samples in the order asked for.

    Parameters
    ----------
    path : str or Path
        ``.vcf.gz`` with ``.tbi`` or ``.csi``, or ``.bcf`` with ``.csi``.
    samples : sequence of str, optional
        Samples to read; default all, in the order of the file.

    Raises
    ------
    InputError
        If the file or its index is missing, the format is another, or a sample is not in it.
    """

    def __init__(self, path: str | Path, samples: Sequence[str] | None = None) -> None:
        self.path = Path(path)
        _check_files(self.path)
        with VCF(str(self.path)) as header:
            present = list(header.samples)
            self.contigs = list(header.seqnames)
        if samples is None:
            samples = present
        self.samples = [str(sample) for sample in samples]
        check_samples(self.samples, present, self.path)
        self._vcf = VCF(str(self.path), samples=self.samples)
        # htslib keeps the order of the file whatever order was asked for.
        column = {sample: number for number, sample in enumerate(self._vcf.samples)}
        self._columns = np.array([column[sample] for sample in self.samples], dtype=np.intp)

    def __enter__(self) -> VcfFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._vcf.close()

    def records(self, chrom: str, start: int, end: int) -> Iterator[Record]:
        """Records whose reference allele overlaps ``[start, end)`` (0-based), in file order."""
        with warnings.catch_warnings():
            # A region without variants is ordinary here, not worth a warning.
            warnings.filterwarnings("ignore", message="no intervals found")
            for variant in self._vcf(f"{chrom}:{start + 1}-{end}"):
                # An END tag makes the index report records that only reach here symbolically.
                if variant.start < end and variant.start + len(variant.REF) > start:
                    yield self._decode(variant)

    def _decode(self, variant) -> Record:
        genotype = variant.genotype
        if genotype is None:
            raise InputError(
                f"the record at {variant.CHROM}:{variant.POS} has no genotypes (GT)",
                file=self.path,
                remedy="Supply a VCF with called genotypes.",
            )
        calls = genotype.array()
        ploidy = calls.shape[1] - 1
        if ploidy > 2:
            raise InputError(
                f"the record at {variant.CHROM}:{variant.POS} has ploidy {ploidy}",
                file=self.path,
                remedy="Only haploid and diploid calls have two haplotypes; remove the record.",
            )
        calls = calls[self._columns]
        alleles = calls[:, [0, ploidy - 1]]
        haploid = alleles[:, 1] == -2 if ploidy == 2 else np.ones(len(calls), dtype=bool)
        alleles[haploid, 1] = alleles[haploid, 0]
        alts = tuple(plain_allele(alt) for alt in variant.ALT)
        if alleles.size and alleles.max() > len(alts):
            raise InputError(
                f"the record at {variant.CHROM}:{variant.POS} has a call of allele "
                f"{alleles.max()} but only {len(alts)} alternate alleles",
                file=self.path,
                remedy="The file is damaged; make it again.",
            )
        return Record(
            position=int(variant.start),
            ref=variant.REF.upper(),
            alts=alts,
            alleles=alleles,
            phased=calls[:, -1].astype(bool) | haploid,
            haploid=int(haploid.sum()),
        )


def _check_files(path: Path) -> None:
    if not any(Path(f"{path}{suffix}").exists() for suffix in (".tbi", ".csi")):
        raise InputError(
            "the file of variants has no index (.tbi or .csi)",
            file=path,
            remedy=f"Run `bcftools index --tbi {path.name}` (compress with bgzip first).",
        )
