"""Personal sequences: the reference with each haplotype's own alleles, each distinct one once.

Most people share most haplotypes of an exon: the number of distinct sequences grows slowly with the
cohort. Alleles are therefore compared as patterns first, and strings are built for distinct
patterns only.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.genotypes import Record
from neurogenomics_kb.genome.patching import apply_alleles, distinct_columns
from neurogenomics_kb.genome.sequences import Contig, check_contigs, open_reference
from neurogenomics_kb.genome.variants import VariantSource, open_variants

logger = logging.getLogger(__name__)

COUNTS = (
    "records",
    "boundary_records",
    "applied_alleles",
    "overlapping_alleles",
    "symbolic_alleles",
    "missing_alleles",
    "haploid_calls",
    "unphased_heterozygotes",
)


@dataclass(frozen=True)
class PersonalSequences:
    """Distinct sequences of a cohort and who carries which.

    Attributes
    ----------
    distinct : list of str
        Distinct sequences, forward strand of the reference.
    index : DataFrame
        ``sample, region_id, haplotype`` (1, 2) and ``sequence_id`` (position in `distinct`), sorted
        by sample, region and haplotype; one row per haplotype.
    counts : dict of str to int
        ``records`` read in the regions; ``boundary_records`` left out because their reference
        allele crosses a region's boundary; and, counted per haplotype and record,
        ``applied_alleles``, ``overlapping_alleles`` (an earlier record had changed these bases),
        ``symbolic_alleles`` (no sequence given) and ``missing_alleles`` (all three: the reference
        stays); ``haploid_calls`` (taken for both haplotypes) and ``unphased_heterozygotes``.
    missing_call_rate : Series
        Per sample, the share of the records inside regions with a missing allele; 0 where there
        is no record.
    missing_calls : DataFrame
        Samples by regions: records inside the region with a missing allele.
    records : Series
        Records inside each region.
    """

    distinct: list[str]
    index: pd.DataFrame
    counts: dict[str, int]
    missing_call_rate: pd.Series
    missing_calls: pd.DataFrame
    records: pd.Series


def personal_sequences(
    reference: str | Path,
    regions: pd.DataFrame,
    variants: VariantSource,
    samples: Sequence[str] | None = None,
    *,
    missing: Literal["reference", "error"] = "reference",
    unphased: Literal["error", "as_listed"] = "error",
) -> PersonalSequences:
    """Cut every sample's two sequences of every region.

    Alleles of a haplotype are applied in the order of the file; SNVs, indels and multi-allelic
    records all count. Where records overlap on one haplotype the first wins, as in ``bcftools
    consensus``; an indel anchored on the last base of the record before it is no overlap unless
    that record was an insertion. A record whose reference allele is only partly inside a region is
    left out. All FILTER values are used: filter the file beforehand.

    Parameters
    ----------
    reference : path
        Indexed FASTA.
    regions : DataFrame
        ``region_id, chrom, start, end`` (0-based, half-open); ``strand`` may be there and is not
        used, since sequences stay on the forward strand.
    variants : path, sequence of paths, mapping or GenotypeOptions
        Genotypes of the same genome build, as `open_variants` reads them: an indexed VCF or BCF, a
        PGEN, PLINK 1 files, or several files as one.
    samples : sequence of str, optional
        Samples, in the order of the result; default all of the file.
    missing : {"reference", "error"}
        What a missing allele becomes.
    unphased : {"error", "as_listed"}
        Unphased heterozygotes: refuse them, or take the first listed allele for haplotype 1.
        Phased ones of different phase sets within a region are unphased to one another.

    Returns
    -------
    PersonalSequences
        Distinct sequences, index, counts of what was left out, missing call rate.

    Raises
    ------
    InputError
        If REF alleles contradict the FASTA, a contig is absent from either file, a region runs past
        its contig, a sample is absent, the index is absent, or the policies refuse the genotypes.
    """
    regions = _whole_positions(regions)
    _check_ids(regions)
    with open_reference(reference) as fasta, open_variants(variants, samples) as calls:
        check_contigs(regions["chrom"], fasta.keys(), file=reference, source="regions")
        check_contigs(regions["chrom"], calls.contigs, file=calls.path, source="regions")
        reading = _Reading(len(calls.samples), len(regions))
        for number, region in enumerate(regions.itertuples()):
            contig = fasta[region.chrom]
            _check_region(region, len(contig), reference)
            reading.add(
                number, region, contig, calls.records(region.chrom, region.start, region.end)
            )
        reading.mismatch.raise_if_found(calls.path, reference)
        _check_policies(reading.counts, calls.path, missing=missing, unphased=unphased)
        _warn_of_empty(regions, reading.empty, calls.path)
        return reading.result(calls.samples, regions["region_id"])


class _Reading:
    """What has been read so far: sequences, and counts of what was left out.

    Parameters
    ----------
    n_samples, n_regions : int
        People and regions.
    """

    def __init__(self, n_samples: int, n_regions: int) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
        self.mismatch = _Mismatch()
        self.empty = np.ones(n_regions, dtype=bool)
        self._sequence_ids: dict[str, int] = {}
        self._carried = np.zeros((n_samples, n_regions, 2), dtype=np.int32)
        self._n_missing = np.zeros(n_samples, dtype=np.int64)
        self._missing_calls = np.zeros((n_samples, n_regions), dtype=np.int32)
        self._n_records = np.zeros(n_regions, dtype=np.int32)
        # Regions of different genes may overlap: a record counts once all the same. Duplicated
        # records within a region count each, hence the update after the region.
        self._seen: set[tuple] = set()
        self._used: set[tuple] = set()
        self._n_used = 0

    def add(self, number: int, region, contig: Contig, records: Iterable[Record]) -> None:
        """Read a region: its records, who misses a call, and everybody's sequences."""
        if number and number % 50 == 0:
            logger.info("personal sequences of %d / %d regions", number, len(self.empty))
        sequence = contig[region.start : region.end]
        inside = self._inside(number, region, contig, sequence, records)
        # A wrong reference is reported with all its records; sequences of it are of no use.
        if self.mismatch.found:
            return
        apart = _phased_apart([record for _, record in inside])
        for key, record in inside:
            absent = (record.alleles < 0).any(axis=1)
            self._missing_calls[:, number] += absent
            self._n_records[number] += 1
            if key not in self._used:
                self._n_used += 1
                self._n_missing += absent
                _count_calls(record, self.counts, apart)
        self._used.update(key for key, _ in inside)
        # Reference blocks change no base, whatever place they begin at.
        placed = [r for _, r in inside if r.block_end is None or (r.alleles > 0).any()]
        self._carried[:, number] = _place(
            placed, region.start, sequence, self._sequence_ids, self.counts
        )

    def _inside(
        self, number: int, region, contig: Contig, sequence: str, records: Iterable[Record]
    ) -> list[tuple[tuple, Record]]:
        """Records within a region, each with what tells it from others; all are checked."""
        inside, keys = [], []
        for record in records:
            key = (region.chrom, record.position, record.ref, record.alts)
            keys.append(key)
            within = region.start <= record.position and record.end <= region.end
            if key not in self._seen:
                self.counts["records"] += 1
                place = record.position - region.start
                expected = (
                    sequence[place : place + len(record.ref)]
                    if within
                    else contig[max(0, record.position) : record.end]
                )
                self.mismatch.check(region.chrom, record, expected)
            # A reference block says who has no call, wherever it begins.
            if not within and record.block_end is None:
                self.counts["boundary_records"] += key not in self._seen
                continue
            inside.append((key, record))
        self.empty[number] = not keys
        self._seen.update(keys)
        return inside

    def result(self, samples: list[str], region_ids: pd.Series) -> PersonalSequences:
        """Everything that was read, under the names of samples and regions."""
        names = region_ids.astype(str)
        rate = self._n_missing / max(self._n_used, 1)
        return PersonalSequences(
            distinct=list(self._sequence_ids),
            index=_index_table(samples, region_ids, self._carried),
            counts=dict(self.counts),
            missing_call_rate=pd.Series(rate, index=samples, name="missing_call_rate"),
            missing_calls=pd.DataFrame(self._missing_calls, index=samples, columns=names),
            records=pd.Series(self._n_records, index=names),
        )


def _whole_positions(regions: pd.DataFrame) -> pd.DataFrame:
    """Regions with positions as whole numbers, which other programs may have written as 90.0.

    Raises
    ------
    InputError
        If a position is missing or no whole number.
    """
    whole = {}
    for column in ("start", "end"):
        numbers = pd.to_numeric(regions[column], errors="coerce").astype(float)
        wrong = ~(numbers % 1 == 0)
        if wrong.any():
            raise InputError(
                f"{int(wrong.sum())} positions are no whole numbers, first "
                f"{regions[column][wrong].iloc[0]!r}",
                file="regions",
                column=column,
                remedy="Positions are 0-based, the end not included.",
            )
        whole[column] = numbers.astype(np.int64)
    return regions.assign(**whole)


def _check_ids(regions: pd.DataFrame) -> None:
    if regions["region_id"].duplicated().any():
        raise InputError(
            "region ids repeat", column="region_id", remedy="Give every region its own id."
        )


def _check_region(region, contig_length: int, reference: str | Path) -> None:
    if region.start < 0 or region.end > contig_length or region.start >= region.end:
        raise InputError(
            f"region {region.region_id} ({region.chrom}:{region.start}-{region.end}) is empty or "
            f"runs past the contig's {contig_length} bp",
            file=reference,
            remedy="Use regions and reference of the same genome build.",
        )


class _Mismatch:
    """Counts records whose REF is not what the FASTA holds."""

    def __init__(self) -> None:
        self.found = 0
        self.looked_at = 0
        self.example = ""

    def check(self, chrom: str, record: Record, expected: str) -> None:
        self.looked_at += 1
        if record.ref == expected:
            return
        if not self.found:
            self.example = (
                f"{chrom}:{record.position + 1} has REF {record.ref}, the FASTA {expected}"
            )
        self.found += 1

    def raise_if_found(self, variants: str | Path, reference: str | Path) -> None:
        if self.found:
            remedy = (
                "Variants and reference are probably of different genome builds: use the FASTA "
                "that the variants were called against, or lift them over."
            )
            if str(variants).endswith(".bed"):
                remedy = (
                    "PLINK 1 files do not say which allele is the reference's: run `plink2 --bfile "
                    "… --ref-from-fa force --fa … --make-pgen`, or set their option reference: a1."
                )
            raise InputError(
                f"REF differs from {Path(reference).name} in {self.found} of {self.looked_at} "
                f"records, first {self.example}",
                file=variants,
                remedy=remedy,
            )


def _count_calls(record: Record, counts: Counter[str], apart: np.ndarray | None) -> None:
    counts["missing_alleles"] += int((record.alleles < 0).sum())
    counts["haploid_calls"] += record.haploid
    unphased = ~record.phased if apart is None else ~record.phased | apart
    if unphased.any():
        counts["unphased_heterozygotes"] += int((_heterozygous(record) & unphased).sum())


def _heterozygous(record: Record) -> np.ndarray:
    called = np.maximum(record.alleles, 0)
    return called[:, 0] != called[:, 1]


def _phased_apart(records: list[Record]) -> np.ndarray | None:
    """People whose phased heterozygotes of a region are of several phase sets; None for nobody."""
    if all(record.phase_set is None for record in records):
        return None
    n = len(records[0].phased)
    # Where no set is named, the order holds for the whole file.
    whole = np.full(n, -1, dtype=np.int64)
    first = np.full(n, -2, dtype=np.int64)
    apart = np.zeros(n, dtype=bool)
    for record in records:
        own = whole if record.phase_set is None else record.phase_set
        counted = _heterozygous(record) & record.phased
        apart |= counted & (first != -2) & (own != first)
        first = np.where(counted & (first == -2), own, first)
    return apart


def _warn_of_empty(regions: pd.DataFrame, empty: np.ndarray, file: str | Path) -> None:
    """Name the genes that the file knows nothing about: all their people carry the reference."""
    units = regions["gene_id"] if "gene_id" in regions else regions["region_id"]
    silent = pd.Series(empty).groupby(units.astype(str).to_numpy(), sort=False).all()
    if silent.any():
        logger.warning(
            "%s holds no record at all in %d of %d genes, so that everybody carries the reference "
            "there: %s",
            file,
            int(silent.sum()),
            len(silent),
            listing(silent.index[silent], 10),
        )


def _check_policies(
    counts: Counter[str], variants: str | Path, *, missing: str, unphased: str
) -> None:
    for policy, count, name in (
        (unphased, "unphased_heterozygotes", "unphased heterozygous calls"),
        (missing, "missing_alleles", "missing alleles"),
    ):
        if policy == "error" and counts[count]:
            remedy = (
                "Phase the genotypes (SHAPEIT5, Beagle), or set unphased: as_listed to take "
                "alleles in the order listed."
                if count == "unphased_heterozygotes"
                else "Impute the genotypes, or set missing: reference."
            )
            raise InputError(f"{counts[count]} {name} in the regions", file=variants, remedy=remedy)


def _place(
    records: list[Record],
    start: int,
    sequence: str,
    sequence_ids: dict[str, int],
    counts: Counter[str],
) -> np.ndarray:
    """Sequence ids of one region, shape (n_samples, 2); new sequences join `sequence_ids`."""
    if not records:
        return np.int32(sequence_ids.setdefault(sequence, len(sequence_ids)))
    alleles = np.maximum(np.stack([record.alleles.reshape(-1) for record in records]), 0)
    patterns, inverse = distinct_columns(alleles)
    carriers = np.bincount(inverse, minlength=patterns.shape[1])
    ids = np.empty(patterns.shape[1], dtype=np.int32)
    for column, pattern in enumerate(patterns.T):
        text, tally = apply_alleles(sequence, start, records, pattern)
        ids[column] = sequence_ids.setdefault(text, len(sequence_ids))
        for name, count in tally.items():
            counts[name] += count * int(carriers[column])
    return ids[inverse].reshape(-1, 2)


def _index_table(samples: list[str], region_ids: pd.Series, carried: np.ndarray) -> pd.DataFrame:
    n_samples, n_regions, _ = carried.shape
    # Categories keep a biobank's index (subjects × exons × 2 rows) to a few bytes a row.
    return pd.DataFrame(
        {
            "sample": pd.Categorical.from_codes(
                np.repeat(np.arange(n_samples, dtype=np.int32), n_regions * 2), categories=samples
            ),
            "region_id": pd.Categorical.from_codes(
                np.tile(np.repeat(np.arange(n_regions, dtype=np.int32), 2), n_samples),
                categories=region_ids.astype(str).tolist(),
            ),
            "haplotype": np.tile(np.array([1, 2], dtype=np.int8), n_samples * n_regions),
            "sequence_id": carried.reshape(-1),
        }
    )
