"""Polygenic scores from scoring files of the PGS Catalog and a file of variants.

``python -m neurogenomics_kb.genome.pgs_catalog variants.vcf.gz PGS*.txt.gz --out
polygenic_scores.tsv`` writes the table that ``genomics.polygenic_scores`` reads: tabs between the
columns, or commas where the name of the file ends in ``.csv``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.builds import build_of_variants, chromosome_name
from neurogenomics_kb.genome.genotypes import VariantFile
from neurogenomics_kb.genome.polygenic import score_features
from neurogenomics_kb.genome.scoring_files import (
    ScoringFile,
    candidates,
    read_scoring_file,
)
from neurogenomics_kb.genome.sequences import reverse_complement
from neurogenomics_kb.genome.split_sites import Site, sites
from neurogenomics_kb.genome.variants import (
    VariantSource,
    genotype_options,
    open_variants,
    variant_paths,
)

__all__ = ["ScoringFile", "main", "read_scoring_file", "score_people"]

COUNTS = ["matched", "flipped", "ambiguous", "absent", "other_alleles"]
# Below this share of the weight, the command says that a score is mostly not there.
LITTLE = 0.5

Ambiguous = Literal["exclude", "same_strand"]


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
    columns, rows = {}, []
    with open_variants(variants, samples) as calls:
        for path in variant_paths(genotype_options(variants).path):
            _require_one_build(path, scores)
        contigs: dict[str, list[str]] = {}
        for contig in calls.contigs:
            contigs.setdefault(chromosome_name(contig), []).append(contig)
        for score in scores:
            values, row = _score_one(calls, contigs, score, ambiguous)
            columns[score.name] = values
            rows.append(row)
        table = pd.DataFrame(columns, index=range(len(calls.samples)))
        table.insert(0, "participant_id", calls.samples, allow_duplicates=True)
    return table, pd.DataFrame(rows)


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


def _score_one(
    calls: VariantFile,
    contigs: dict[str, list[str]],
    score: ScoringFile,
    ambiguous: Ambiguous,
) -> tuple[np.ndarray, dict]:
    """Sums of one score, and what became of its variants."""
    total = np.zeros(len(calls.samples))
    counts = dict.fromkeys(COUNTS, 0)
    missing, used = 0, 0.0
    counted: dict[tuple, tuple[int, int]] = {}
    for variant in score.variants.itertuples():
        start = variant.pos - 1
        places = contigs.get(chromosome_name(str(variant.chrom)), [])
        found = [r for contig in places for r in calls.records(contig, start, start + 1)]
        here = sites(r for r in found if r.position == start)
        if not here:
            counts["absent"] += 1
            continue
        chosen = choose(here, variant.effect, candidates(variant.other), ambiguous)
        if isinstance(chosen, str):
            counts[chosen] += 1
            continue
        site, number, flipped = chosen
        _refuse_second_row(counted, variant, site, number, score)
        dosage, known = site.copies(number)
        frequency = 0.0 if pd.isna(variant.frequency) else variant.frequency
        total += variant.weight * np.where(known, dosage, 2 * frequency)
        missing += int((~known).sum())
        used += abs(variant.weight)
        counts["matched"] += 1
        counts["flipped"] += flipped
    rows = len(score.variants) + score.unplaced + score.duplicates
    if not counts["matched"] and counts["ambiguous"] + counts["other_alleles"]:
        raise InputError(
            f"none of {rows} variants of {score.name} can be counted ({counts['ambiguous']} "
            f"ambiguous, {counts['other_alleles']} with other alleles, {counts['absent']} absent, "
            f"{score.unplaced} without a position)",
            file=calls.path,
            remedy="A/T and C/G variants count with `--ambiguous same_strand`; other alleles speak "
            "for another genome build.",
        )
    if not counts["matched"]:
        raise InputError(
            f"none of {rows} variants of {score.name} is in the file",
            file=calls.path,
            remedy=f"The scoring file is in build {score.build}: use a VCF of the same build.",
        )
    return total, {
        "score": score.name,
        "build": score.build,
        "variants": rows,
        **counts,
        "unplaced": score.unplaced,
        "missing_calls": missing / (counts["matched"] * max(len(calls.samples), 1)),
        "matched_weight": used / (score.variants["weight"].abs().sum() + score.unplaced_weight),
        "duplicates": score.duplicates,
    }


def _refuse_second_row(
    counted: dict[tuple, tuple[int, int]], variant, site: Site, number: int, score: ScoringFile
) -> None:
    """Refuse to count an allele, or both alleles of a biallelic site, by two rows."""
    row = getattr(variant, "row", variant.Index + 1)
    place = (variant.chrom, variant.pos, *site.alleles)
    key = place if len(site.alleles) == 2 else (*place, number)
    before = counted.setdefault(key, (row, number))
    if before[0] != row:
        raise InputError(
            f"rows {before[0]} and {row} of {score.name} count one variant twice, at "
            f"{variant.chrom}:{variant.pos}",
            file=score.path,
            remedy="Keep the row that is meant.",
        )


def choose(
    here: Sequence[Site], effect: str, others: tuple[str, ...], ambiguous: Ambiguous
) -> tuple[Site, int, bool] | str:
    """Site and allele that a row is of and whether it was read on the other strand, or why none.

    Parameters
    ----------
    here : sequence of Site
        Sites of the row's position.
    effect : str
        Effect allele.
    others : tuple of str
        Other alleles that it may stand against; empty where the file has none.
    ambiguous : {"exclude", "same_strand"}
        What to do with A/T and C/G sites.

    Returns
    -------
    tuple or str
        ``(site, number of the allele, flipped)``, or ``"ambiguous"`` or ``"other_alleles"``.
    """
    trusted = ambiguous == "same_strand"
    turned = reverse_complement(effect)
    if others:
        # The complement as the other allele says nothing of the strand; another candidate may.
        telling = others if trusted or turned == effect else [o for o in others if o != turned]
        found = [
            (s, *m) for s in here if not s.repeats and (m := match(s.alleles, effect, telling))
        ]
        if len(found) == 1:
            return found[0]
        alone = not telling or any({effect, turned} <= set(s.alleles) for s in here)
        return (
            "ambiguous" if not found and len(telling) < len(others) and alone else "other_alleles"
        )
    found = [(s, s.alleles.index(effect), False) for s in here if effect in s.alleles]
    known = [[a for a in s.alleles if a is not None] for s, *_ in found]
    if len(effect) == 1:
        # A base may be a substitution's, or stand in front of an insertion or deletion.
        level = [f for f, a in zip(found, known, strict=True) if all(len(x) == 1 for x in a)]
        if len(level) < len(found) and not trusted:
            return "ambiguous"
        found = level or found
    if len(found) != 1 or found[0][0].repeats:
        return "other_alleles"
    if not trusted and turned != effect and turned in found[0][0].alleles and len(effect) == 1:
        return "ambiguous"
    return found[0]


def match(
    alleles: Sequence[str | None], effect: str, others: Sequence[str]
) -> tuple[int, bool] | None:
    """Number of the effect allele among a site's, and whether it was read on the other strand.

    Only substitutions can be read on the other strand: the base in front of an insertion or
    deletion is another one there.
    """
    for flipped in (False, True):
        wanted = reverse_complement(effect) if flipped else effect
        for other in others:
            if flipped and len(other) != len(effect):
                continue
            against = reverse_complement(other) if flipped else other
            if wanted in alleles and against in alleles and against != wanted:
                return list(alleles).index(wanted), flipped
    return None


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
