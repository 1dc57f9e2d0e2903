"""Principal components of ancestry from genotypes, for cohorts that come without them.

``python -m neurogenomics_kb.genome.ancestry variants.pgen --out pcs.tsv`` writes ``participant_id``
and ``pc1`` … ``pc10``, to be joined to the participants. With ``--fit-on`` only the listed people
(unrelated ones, or a training sample) decide what the components are, and everybody is projected;
with ``--loadings`` nobody does, since the components are those of an earlier run or a reference
panel.
"""

from __future__ import annotations

import argparse
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils.extmath import randomized_svd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.builds import chromosome_name
from neurogenomics_kb.genome.genotypes import Record, VariantFile
from neurogenomics_kb.genome.people_lists import read_people
from neurogenomics_kb.genome.projection import (
    LOADING_COLUMNS,
    MANY_MISSING,
    Lost,
    project_ancestry,
    read_loadings,
    scores_of_calls,
    standardise,
)
from neurogenomics_kb.genome.variants import open_variants

__all__ = ["Selection", "fit_ancestry", "main", "project_ancestry"]

logger = logging.getLogger(__name__)

AUTOSOMES = {str(number) for number in range(1, 23)}
# No contig is longer; the index of a VCF ends here.
END = 2**29
# Kept variants that a new one is compared with.
NEIGHBOURS = 100


@dataclass(frozen=True)
class Selection:
    """Which variants tell ancestry.

    Parameters
    ----------
    min_frequency : float
        Smallest frequency of the minor allele among those who are fitted.
    max_missing : float
        Largest share of missing calls among them.
    max_r2 : float
        Variants correlated more than this with one kept before, within `window`, are left out.
    window : int
        Bases.
    """

    min_frequency: float = 0.05
    max_missing: float = 0.02
    max_r2: float = 0.1
    window: int = 1_000_000


def fit_ancestry(
    variants: str | Path,
    fit_on: Sequence[str] | None = None,
    *,
    n_components: int = 10,
    selection: Selection | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Components of the people fitted on, everybody's scores, and loadings to project others with.

    Common biallelic SNVs of the autosomes, thinned by linkage, scaled by their expected standard
    deviation (Patterson, Price & Reich, PLoS Genetics 2006). A missing call stands for the mean
    while components are fitted; a person's scores are then those of the calls that are there
    (`scores_of_calls`), so that missing calls draw nobody towards zero.

    Parameters
    ----------
    variants : str or Path
        VCF, BCF or PGEN.
    fit_on : sequence of str, optional
        People who decide what the components are; default everybody. Relatives among them make
        components of families.
    n_components : int
        Default 10.
    selection : Selection, optional
        Which variants tell ancestry.

    Returns
    -------
    scores : DataFrame
        ``participant_id, pc1, …`` of everybody in the file, and with `fit_on` also
        ``missing_calls``, each person's share of variants without a call.
    loadings : DataFrame
        ``chrom, pos`` (1-based), ``ref, alt, frequency, pc1, …``, one row per variant.

    Raises
    ------
    InputError
        If fewer variants or people are left than components are wanted.

    Notes
    -----
    People who are projected lie nearer to 0 than they would had they been fitted, the more so the
    fewer were (Dey & Lee, Bioinformatics 2019): compare them with one another, or fit on many.
    """
    if n_components < 1:
        raise InputError(
            f"{n_components} components", column="components", remedy="Ask for one or more."
        )
    with open_variants(variants) as calls:
        people = calls.samples
        rows = _rows(people, fit_on, variants)
        sites, dosages = _thin(calls, rows, selection or Selection())
    found = f"{len(sites)} common unlinked variants, {len(rows)} people"
    if min(len(sites), len(rows) - 1) < n_components:
        raise InputError(
            f"{found}: too few for {n_components} components",
            file=variants,
            remedy="Use genotypes of the whole genome, or the components of a reference panel "
            "(--loadings).",
        )
    logger.info("ancestry: %s", found)
    table = pd.DataFrame(sites, columns=LOADING_COLUMNS)
    calls_of = np.stack(dosages)
    standard = standardise(calls_of, table["frequency"].to_numpy())
    _, size, axes = randomized_svd(
        standard[:, rows].T, n_components, n_iter=10, random_state=0, flip_sign=True
    )
    names = [f"pc{i + 1}" for i in range(n_components)]
    # Scores of those fitted have length 1 per component, as plink2 writes them.
    table[names] = axes.T / size
    values = table[names].to_numpy()
    lost = Lost(len(people), len(names))
    for dosage, own in zip(calls_of, values, strict=True):
        lost.add(np.isnan(dosage), own)
    projected = fit_on is not None
    return scores_of_calls(
        people, standard.T @ values, lost, values, names, projected=projected
    ), table


def _rows(people: list[str], fit_on: Sequence[str] | None, file: str | Path) -> np.ndarray:
    if fit_on is None:
        return np.arange(len(people))
    row = {person: number for number, person in enumerate(people)}
    absent = sum(person not in row for person in fit_on)
    if absent:
        raise InputError(
            "people to fit on are not in the file",
            file=file,
            subjects=absent,
            of=len(fit_on),
            remedy="List people of the genotypes.",
        )
    chosen = list(dict.fromkeys(fit_on))
    if not chosen:
        raise InputError("nobody to fit on", file=file, remedy="List people of the genotypes.")
    return np.array([row[person] for person in chosen])


def _common(
    calls: VariantFile, contig: str, rows: np.ndarray, selection: Selection
) -> Iterator[tuple[tuple, np.ndarray]]:
    """Common biallelic SNVs of a contig with everybody's dosage, NaN where missing."""
    for record in _biallelic(calls.records(contig, 0, END)):
        alt = record.alts[0]
        known = (record.alleles >= 0).all(axis=1)
        if 1 - known[rows].mean() > selection.max_missing:
            continue
        dosage = np.where(known, record.alleles.sum(axis=1), np.nan)
        frequency = np.nanmean(dosage[rows]) / 2
        if min(frequency, 1 - frequency) >= selection.min_frequency:
            yield (contig, record.position + 1, record.ref, alt, frequency), dosage


def _biallelic(records: Iterable[Record]) -> Iterator[Record]:
    """SNVs of sites with two alleles, which a file may split over several records."""
    for _, here in groupby(records, key=lambda record: record.position):
        snvs = [
            record
            for record in here
            if len(record.ref) == 1
            and any(alt is not None and len(alt) == 1 for alt in record.alts)
        ]
        if len({alt for record in snvs for alt in record.alts}) == 1:
            yield from snvs


def _thin(
    calls: VariantFile, rows: np.ndarray, selection: Selection
) -> tuple[list[tuple], list[np.ndarray]]:
    """Variants that are not linked to one kept before."""
    sites: list[tuple] = []
    dosages: list[np.ndarray] = []
    for contig in calls.contigs:
        if chromosome_name(contig) not in AUTOSOMES:
            continue
        kept: deque[tuple[int, np.ndarray]] = deque(maxlen=NEIGHBOURS)
        for site, dosage in _common(calls, contig, rows, selection):
            while kept and site[1] - kept[0][0] > selection.window:
                kept.popleft()
            own = np.nan_to_num(dosage[rows] - 2 * site[4])
            size = np.linalg.norm(own)
            # Where everybody has the same calls (all heterozygous, say) nothing tells people
            # apart, and a correlation with it is no number that others could be compared with.
            if size < 1e-6 * np.sqrt(len(rows)):
                continue
            own /= size
            if kept and ((np.stack([k for _, k in kept]) @ own) ** 2).max() > selection.max_r2:
                continue
            kept.append((site[1], own))
            sites.append(site)
            dosages.append(dosage.astype(np.float32))
    return sites, dosages


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="ancestry", description=__doc__.splitlines()[0])
    parser.add_argument("variants", help="VCF, BCF (indexed) or PGEN")
    parser.add_argument("--out", required=True, help="table of components, one row per person")
    parser.add_argument("--components", type=int, default=10)
    parser.add_argument(
        "--fit-on", help="people who decide the components: ids, or a file that PLINK keeps"
    )
    parser.add_argument("--loadings", help="project on these instead of fitting")
    parser.add_argument("--save-loadings", help="write loadings here, to project others with")
    options = parser.parse_args(arguments)
    try:
        for file in filter(None, (options.out, options.save_loadings)):
            if not Path(file).absolute().parent.is_dir():
                raise InputError(
                    "the folder does not exist", file=Path(file).parent, remedy="Make it first."
                )
        if options.loadings:
            loadings = read_loadings(options.loadings)
            scores = project_ancestry(options.variants, loadings)
        else:
            ids = None
            if options.fit_on:
                with open_variants(options.variants) as calls:
                    ids = read_people(options.fit_on, calls.samples)
            scores, loadings = fit_ancestry(options.variants, ids, n_components=options.components)
        scores.to_csv(options.out, sep="\t", index=False, float_format="%.6g", na_rep="n/a")
        if options.save_loadings:
            loadings.to_csv(options.save_loadings, sep="\t", index=False, float_format="%.8g")
    except (InputError, OSError, UnicodeDecodeError) as error:
        parser.exit(1, f"Error: {error}\n")
    print(f"{len(scores):,} people, {len(loadings):,} variants: {options.out}")
    if "missing_calls" in scores:
        missing = scores["missing_calls"]
        print(
            f"missing calls: median {missing.median():.1%}, most {missing.max():.1%}, "
            f"{int((missing > MANY_MISSING).sum())} people above {MANY_MISSING:.0%}"
        )


if __name__ == "__main__":
    main()
