"""Polygenic scores from scoring files of the PGS Catalog and a file of variants.

``python -m neurogenomics_kb.genome.pgs_catalog variants.vcf.gz PGS*.txt.gz --out
polygenic_scores.tsv`` writes the table that ``genomics.polygenic_scores`` reads: tabs between the
columns, or commas where the name of the file ends in ``.csv``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.allele_choice import Ambiguous
from neurogenomics_kb.genome.builds import build_of_variants
from neurogenomics_kb.genome.genotypes import VariantFile
from neurogenomics_kb.genome.polygenic import score_features
from neurogenomics_kb.genome.score_sums import ScoreRows, sum_scores
from neurogenomics_kb.genome.scoring_files import ScoringFile, read_scoring_file
from neurogenomics_kb.genome.variants import (
    VariantSource,
    genotype_options,
    open_variants,
    variant_paths,
)

__all__ = ["ScoringFile", "main", "read_scoring_file", "score_people"]

# Below this share of the weight, the command says that a score is mostly not there.
LITTLE = 0.5


def score_people(
    variants: VariantSource,
    scores: Sequence[ScoringFile],
    samples: Sequence[str] | None = None,
    *,
    ambiguous: Ambiguous = "exclude",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weighted sums of effect alleles.

    Parameters
    ----------
    variants : path, sequence of paths, mapping or GenotypeOptions
        Genotypes in the build of the scoring files, as `open_variants` reads them. A site may be
        split over several records, one per alternate allele.
    scores : sequence of ScoringFile
        Scores to compute, all at once.
    samples : sequence of str, optional
        Default all.
    ambiguous : {"exclude", "same_strand"}
        A/T and C/G variants look the same on both strands: leave them out (default), or take the
        strand of the file for that of the reference. Where the scoring file has no other allele,
        the alleles in `variants` decide whether a variant is one of these; and one base without
        another allele is left out, too, where an insertion or deletion is at its place.

    Returns
    -------
    table : DataFrame
        One row per person: ``participant_id`` and one column per score. Where a call is missing,
        twice the effect allele's frequency in the scoring file stands in, or nothing where the
        file has none; nobody's value depends on another person.
    report : DataFrame
        One row per score: variants (rows of the file), matched, of those flipped to the other
        strand, ambiguous, absent from the file, with other alleles, unplaced, share of missing
        calls, share of the total absolute weight that was matched (unplaced rows are part of the
        total), and duplicates (repeated rows, counted once).

    Raises
    ------
    InputError
        If nothing of a score is in the file, two scores share a name, builds disagree, or two rows
        of a score count one allele.
    """
    names = [s.name for s in scores]
    if len(set(names)) < len(names):
        raise InputError(
            f"two scoring files are of one score ({listing(sorted(names))})",
            remedy="Give each score once.",
        )
    with open_variants(variants, samples) as calls:
        for path in variant_paths(genotype_options(variants).path):
            _require_one_build(path, scores)
        totals, rows = sum_scores(calls, scores, ambiguous)
        report = [_report(calls, each) for each in rows]
        columns = dict(zip(names, totals, strict=True))
        table = pd.DataFrame(columns, index=range(len(calls.samples)))
        table.insert(0, "participant_id", calls.samples, allow_duplicates=True)
    return table, pd.DataFrame(report)


def _require_one_build(variants: Path, scores: Sequence[ScoringFile]) -> None:
    """Refuse scores of different builds, and of another one than the variants say they are of."""
    stated = {s.name: s.build for s in scores if s.build != "unknown"}
    if len(set(stated.values())) > 1:
        raise InputError(
            "the scoring files are of different builds "
            f"({listing(f'{name} {build}' for name, build in stated.items())})",
            remedy="Download all of them in the build of the variants.",
        )
    own = build_of_variants(variants) if stated else None
    wrong = [f"{name} {build}" for name, build in stated.items() if own not in (None, build)]
    if wrong:
        raise InputError(
            f"by the lengths of its chromosomes the file is in build {own}, the scoring files are "
            f"not ({listing(wrong)})",
            file=variants,
            remedy="Download the scoring files that are harmonised to the build of the variants.",
        )


def _report(calls: VariantFile, rows: ScoreRows) -> dict:
    """What became of the variants of a score; refused where none of them counts."""
    score, counts = rows.score, rows.counts
    rows.refuse_clash()
    n = len(score.variants) + score.unplaced + score.duplicates
    if not counts["matched"] and counts["ambiguous"] + counts["other_alleles"]:
        raise InputError(
            f"none of {n} variants of {score.name} can be counted ({counts['ambiguous']} "
            f"ambiguous, {counts['other_alleles']} with other alleles, {counts['absent']} absent, "
            f"{score.unplaced} without a position)",
            file=calls.path,
            remedy="A/T and C/G variants count with `--ambiguous same_strand`; other alleles speak "
            "for another genome build.",
        )
    if not counts["matched"]:
        raise InputError(
            f"none of {n} variants of {score.name} is in the file",
            file=calls.path,
            remedy=f"The scoring file is in build {score.build}: use a VCF of the same build.",
        )
    weights = score.variants["weight"].abs()
    return {
        "score": score.name,
        "build": score.build,
        "variants": n,
        **counts,
        "unplaced": score.unplaced,
        "missing_calls": rows.missing / (counts["matched"] * max(len(calls.samples), 1)),
        "matched_weight": weights[rows.counted].sum() / (weights.sum() + score.unplaced_weight),
        "duplicates": score.duplicates,
    }


def write_scores(table: pd.DataFrame, out: str | Path, id_column: str = "participant_id") -> None:
    """Write scores as ``genomics.polygenic_scores`` reads them.

    Parameters
    ----------
    table : DataFrame
        From `score_people`.
    out : str or Path
        ``.csv`` for commas, anything else for tabs.
    id_column : str
        Name of the column with the ids, default ``participant_id``; UK Biobank's is ``eid``.

    Raises
    ------
    InputError
        If a score has a name that the reader refuses, or ids repeat.
    """
    if id_column in table.columns[1:]:
        raise InputError(
            f"a score is called '{id_column}' like the column of ids",
            file=out,
            remedy="Give the column another name by --id-column.",
        )
    table = table.set_axis([id_column, *table.columns[1:]], axis=1)
    score_features(table, id_column, file=str(out))
    separator = "," if Path(out).name.removesuffix(".gz").endswith(".csv") else "\t"
    table.to_csv(out, sep=separator, index=False, na_rep="n/a", lineterminator="\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="pgs_catalog", description=__doc__.splitlines()[0])
    parser.add_argument("variants", help="VCF, BCF (indexed) or PGEN")
    parser.add_argument("scores", nargs="+", help="scoring files of the PGS Catalog")
    parser.add_argument(
        "--out", required=True, help="table of scores, one row per person: .tsv, or .csv for commas"
    )
    parser.add_argument("--id-column", default="participant_id", help="name of the ids' column")
    parser.add_argument("--ambiguous", choices=["exclude", "same_strand"], default="exclude")
    parser.add_argument(
        "--ratios", choices=["refuse", "log", "as_given"], default="refuse",
        help="what to do with weights that may be odds or hazard ratios",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        if not Path(options.out).absolute().parent.is_dir():
            raise InputError(
                "the folder does not exist", file=Path(options.out).parent, remedy="Make it first."
            )
        files = [read_scoring_file(path, ratios=options.ratios) for path in options.scores]
        table, report = score_people(options.variants, files, ambiguous=options.ambiguous)
        write_scores(table, options.out, options.id_column)
    except (InputError, OSError) as error:
        parser.exit(1, f"Error: {error}\n")
    print(report.to_string(index=False))
    for row in report[report["matched_weight"] < LITTLE].itertuples():
        print(
            f"Only {row.matched_weight:.0%} of the weight of {row.score} is in the score: do not "
            "compare it with published values."
        )


if __name__ == "__main__":
    main()
