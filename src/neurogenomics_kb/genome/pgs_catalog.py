"""Polygenic scores from scoring files of the PGS Catalog and an indexed VCF or BCF.

``python -m neurogenomics_kb.genome.pgs_catalog variants.vcf.gz PGS*.txt.gz --out scores.csv``
writes the table that ``genomics.polygenic_scores`` reads.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.variants import Record, VariantFile, open_variants

COMPLEMENT = str.maketrans("ACGT", "TGCA")
# Harmonised columns first (position in the build that the header names), then the author's.
COLUMNS = {
    "chrom": ("hm_chr", "chr_name"),
    "pos": ("hm_pos", "chr_position"),
    "effect": ("effect_allele",),
    "other": ("other_allele", "hm_inferOtherAllele"),
    "weight": ("effect_weight",),
    "frequency": ("allelefrequency_effect",),
}
OPTIONAL = {"other", "frequency"}
UNSUPPORTED = ("is_haplotype", "is_diplotype", "is_interaction", "is_dominant", "is_recessive")
COUNTS = ["matched", "flipped", "ambiguous", "absent", "other_alleles"]


@dataclass(frozen=True)
class ScoringFile:
    """Weights of one score.

    Parameters
    ----------
    name : str
        Id in the catalog.
    build : str
        Genome build of the positions, as the file says.
    variants : DataFrame
        ``chrom, pos`` (1-based), ``effect, other, weight, frequency``; ``other`` and ``frequency``
        may be missing.
    unplaced : int
        Rows without a position.
    """

    name: str
    build: str
    variants: pd.DataFrame
    unplaced: int


def read_scoring_file(path: str | Path) -> ScoringFile:
    """Scoring file of the PGS Catalog, plain or gzipped.

    Raises
    ------
    InputError
        If a column is missing, a weight is no number, or effects are not additive.
    """
    path = Path(path)
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as stream:
            lines = [line for line in iter(stream.readline, "") if line.startswith("#")]
        raw = pd.read_csv(path, sep="\t", comment="#", dtype=str, compression="infer")
    except (OSError, EOFError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise InputError(
            f"the scoring file cannot be read ({error})", file=path, remedy="Download it again."
        ) from None
    header = dict(line.strip("#\n ").split("=", 1) for line in lines if "=" in line)
    special = [c for c in UNSUPPORTED if c in raw and raw[c].str.lower().isin(["true", "1"]).any()]
    if special:
        raise InputError(
            "effects that do not add up per allele are not supported",
            file=path,
            column=special[0],
            remedy="Use the catalog's own calculator for this score.",
        )
    table = pd.DataFrame(index=raw.index)
    for name, places in COLUMNS.items():
        there = [c for c in places if c in raw]
        if there:
            table[name] = raw[there[0]]
        elif name in OPTIONAL:
            table[name] = None
        else:
            raise InputError(
                "a column is missing",
                file=path,
                column=places[0],
                remedy="Download the harmonised scoring file.",
            )
    for name in ("weight", "frequency"):
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = table[name].notna() & numbers.isna()
        if wrong.any():
            raise InputError(
                f"{int(wrong.sum())} values are no numbers, first "
                f"{table.loc[wrong, name].iloc[0]!r}",
                file=path,
                column=COLUMNS[name][0],
                remedy="Download the file again.",
            )
        table[name] = numbers
    table["effect"], table["other"] = table["effect"].str.upper(), table["other"].str.upper()
    table["pos"] = pd.to_numeric(table["pos"], errors="coerce")
    placed = table["chrom"].notna() & table["pos"].notna()
    kept = table[placed].astype({"pos": np.int64}).reset_index(drop=True)
    return ScoringFile(
        name=header.get("pgs_id", path.name.split(".")[0].split("_")[0]),
        build=header.get("HmPOS_build", header.get("genome_build", "unknown")),
        variants=kept,
        unplaced=int((~placed).sum()),
    )


def score_people(
    variants: str | Path,
    scores: Sequence[ScoringFile],
    samples: Sequence[str] | None = None,
    *,
    ambiguous: Literal["exclude", "same_strand"] = "exclude",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weighted sums of effect alleles.

    Parameters
    ----------
    variants : str or Path
        Indexed VCF or BCF in the build of the scoring files.
    scores : sequence of ScoringFile
    samples : sequence of str, optional
    ambiguous : {"exclude", "same_strand"}
        A/T and C/G variants look the same on both strands: leave them out, or take the strand of
        the file for that of the reference.

    Returns
    -------
    table : DataFrame
        One row per person: ``participant_id`` and one column per score. Where a call is missing,
        twice the effect allele's frequency in the scoring file stands in, or nothing where the
        file has none; nobody's value depends on another person.
    report : DataFrame
        One row per score: variants, matched, of those flipped to the other strand, ambiguous,
        absent from the file, with other alleles, unplaced, share of missing calls, and share of
        the total absolute weight that was matched.

    Raises
    ------
    InputError
        If nothing of a score is in the file, or two scores share a name.
    """
    names = [s.name for s in scores]
    if len(set(names)) < len(names):
        raise InputError(
            f"two scoring files are of one score ({listing(sorted(names))})",
            remedy="Give each score once.",
        )
    columns, rows = {}, []
    with open_variants(variants, samples) as calls:
        contigs = {c.removeprefix("chr"): c for c in calls.contigs}
        for score in scores:
            values, row = score_one(calls, contigs, score, ambiguous)
            columns[score.name] = values
            rows.append(row)
        table = pd.DataFrame({"participant_id": calls.samples, **columns})
    return table, pd.DataFrame(rows)


def score_one(
    calls: VariantFile, contigs: dict[str, str], score: ScoringFile, ambiguous: str
) -> tuple[np.ndarray, dict]:
    """Sums of one score, and what became of its variants."""
    total = np.zeros(len(calls.samples))
    counts = dict.fromkeys(COUNTS, 0)
    missing, used = 0, 0.0
    for variant in score.variants.itertuples():
        contig = contigs.get(str(variant.chrom).removeprefix("chr"))
        start = variant.pos - 1
        found = [] if contig is None else list(calls.records(contig, start, start + 1))
        here = [r for r in found if r.position == start]
        if not here:
            counts["absent"] += 1
            continue
        if is_ambiguous(variant.effect, variant.other) and ambiguous == "exclude":
            counts["ambiguous"] += 1
            continue
        matches = [(r, *m) for r in here if (m := match(r, variant.effect, variant.other))]
        if len(matches) != 1:
            counts["other_alleles"] += 1
            continue
        record, number, flipped = matches[0]
        known = (record.alleles >= 0).all(axis=1)
        frequency = 0.0 if pd.isna(variant.frequency) else variant.frequency
        dosage = np.where(known, (record.alleles == number).sum(axis=1), 2 * frequency)
        total += variant.weight * dosage
        missing += int((~known).sum())
        used += abs(variant.weight)
        counts["matched"] += 1
        counts["flipped"] += flipped
    if not counts["matched"]:
        raise InputError(
            f"none of {len(score.variants)} variants of {score.name} is in the file",
            file=calls.path,
            remedy=f"The scoring file is in build {score.build}: use a VCF of the same build.",
        )
    weight = score.variants["weight"].abs().sum()
    return total, {
        "score": score.name,
        "build": score.build,
        "variants": len(score.variants) + score.unplaced,
        **counts,
        "unplaced": score.unplaced,
        "missing_calls": missing / (counts["matched"] * max(len(calls.samples), 1)),
        "matched_weight": used / weight if weight else 1.0,
    }


def is_ambiguous(effect: str, other: str | None) -> bool:
    """Whether two alleles are each other's complement."""
    return isinstance(other, str) and effect.translate(COMPLEMENT) == other and len(effect) == 1


def match(record: Record, effect: str, other: str | None) -> tuple[int, bool] | None:
    """Number of the effect allele in a record, and whether it was read on the other strand."""
    alleles = [record.ref, *record.alts]
    for flipped in (False, True):
        wanted = effect.translate(COMPLEMENT)[::-1] if flipped else effect
        against = other
        if flipped and isinstance(other, str):
            against = other.translate(COMPLEMENT)[::-1]
        fits = not isinstance(against, str) or (against in alleles and against != wanted)
        # Without the other allele a flip could be a third allele just as well.
        if wanted in alleles and fits and not (flipped and not isinstance(other, str)):
            return alleles.index(wanted), flipped
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="pgs_catalog", description=__doc__.splitlines()[0])
    parser.add_argument("variants", help="indexed VCF or BCF")
    parser.add_argument("scores", nargs="+", help="scoring files of the PGS Catalog")
    parser.add_argument("--out", required=True, help="CSV of scores, one row per person")
    parser.add_argument("--ambiguous", choices=["exclude", "same_strand"], default="exclude")
    options = parser.parse_args(arguments)
    try:
        files = [read_scoring_file(path) for path in options.scores]
        table, report = score_people(options.variants, files, ambiguous=options.ambiguous)
    except InputError as error:
        parser.exit(1, f"Error: {error}\n")
    table.to_csv(options.out, index=False)
    print(report.to_string(index=False))


if __name__ == "__main__":
    main()
