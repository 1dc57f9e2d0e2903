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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils.extmath import randomized_svd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.variants import VariantFile, open_variants

logger = logging.getLogger(__name__)

AUTOSOMES = {str(number) for number in range(1, 23)}
# No contig is longer; the index of a VCF ends here.
END = 2**29
LOADING_COLUMNS = ["chrom", "pos", "ref", "alt", "frequency"]
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
    deviation (Patterson, Price & Reich, PLoS Genetics 2006). A missing call stands for the mean.

    Parameters
    ----------
    variants : str or Path
        VCF, BCF or PGEN.
    fit_on : sequence of str, optional
        People who decide what the components are; default everybody. Relatives among them make
        components of families.
    n_components : int
    selection : Selection, optional

    Returns
    -------
    scores : DataFrame
        ``participant_id, pc1, …`` of everybody in the file.
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
    standard = _standardise(np.stack(dosages), table["frequency"].to_numpy())
    _, size, axes = randomized_svd(
        standard[:, rows].T, n_components, n_iter=10, random_state=0, flip_sign=True
    )
    names = [f"pc{i + 1}" for i in range(n_components)]
    # Scores of those fitted have length 1 per component, as plink2 writes them.
    table[names] = axes.T / size
    return _scores(people, standard.T @ table[names].to_numpy(), names), table


def project_ancestry(variants: str | Path, loadings: pd.DataFrame) -> pd.DataFrame:
    """Everybody's scores on components that others decided.

    Parameters
    ----------
    variants : str or Path
        VCF, BCF or PGEN.
    loadings : DataFrame
        As `fit_ancestry` returns them.

    Returns
    -------
    DataFrame
        ``participant_id, pc1, …``.

    Raises
    ------
    InputError
        If columns are missing, or fewer than 90 % of the variants are in the file.
    """
    names = [c for c in loadings if str(c).startswith("pc")]
    absent = [c for c in LOADING_COLUMNS if c not in loadings]
    if absent or not names:
        raise InputError(
            "a column is missing",
            file="loadings",
            column=(absent or ["pc1"])[0],
            remedy="Use a table that --save-loadings wrote.",
        )
    found = 0
    with open_variants(variants) as calls:
        contigs = {c.removeprefix("chr"): c for c in calls.contigs}
        total = np.zeros((len(calls.samples), len(names)))
        for row in loadings.itertuples():
            contig = contigs.get(str(row.chrom).removeprefix("chr"))
            for record in [] if contig is None else calls.records(contig, row.pos - 1, row.pos):
                same = record.position == row.pos - 1 and record.ref == row.ref
                if not same or row.alt not in record.alts:
                    continue
                number = record.alts.index(row.alt) + 1
                known = (record.alleles >= 0).all(axis=1)
                dosage = np.where(known, (record.alleles == number).sum(axis=1), np.nan)
                standard = _standardise(dosage[None], np.array([row.frequency]))[0]
                total += np.outer(standard, [getattr(row, name) for name in names])
                found += 1
                break
        people = calls.samples
    if found < 0.9 * len(loadings):
        raise InputError(
            f"{found} of {len(loadings)} variants of the loadings are in the file",
            file=variants,
            remedy="Loadings and genotypes must be of one genome build, and most variants typed.",
        )
    return _scores(people, total, names)


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
    return np.array([row[person] for person in dict.fromkeys(fit_on)])


def _common(
    calls: VariantFile, contig: str, rows: np.ndarray, selection: Selection
) -> Iterator[tuple[tuple, np.ndarray]]:
    """Common biallelic SNVs of a contig with everybody's dosage, NaN where missing."""
    for record in calls.records(contig, 0, END):
        alt = record.alts[0] if len(record.alts) == 1 else None
        if alt is None or len(alt) != 1 or len(record.ref) != 1:
            continue
        known = (record.alleles >= 0).all(axis=1)
        if 1 - known[rows].mean() > selection.max_missing:
            continue
        dosage = np.where(known, record.alleles.sum(axis=1), np.nan)
        frequency = np.nanmean(dosage[rows]) / 2
        if min(frequency, 1 - frequency) >= selection.min_frequency:
            yield (contig, record.position + 1, record.ref, alt, frequency), dosage


def _thin(
    calls: VariantFile, rows: np.ndarray, selection: Selection
) -> tuple[list[tuple], list[np.ndarray]]:
    """Variants that are not linked to one kept before."""
    sites: list[tuple] = []
    dosages: list[np.ndarray] = []
    for contig in calls.contigs:
        if contig.removeprefix("chr") not in AUTOSOMES:
            continue
        kept: deque[tuple[int, np.ndarray]] = deque(maxlen=NEIGHBOURS)
        for site, dosage in _common(calls, contig, rows, selection):
            while kept and site[1] - kept[0][0] > selection.window:
                kept.popleft()
            own = np.nan_to_num(dosage[rows] - 2 * site[4])
            own /= np.linalg.norm(own)
            if kept and ((np.stack([k for _, k in kept]) @ own) ** 2).max() > selection.max_r2:
                continue
            kept.append((site[1], own))
            sites.append(site)
            dosages.append(dosage.astype(np.float32))
    return sites, dosages


def _standardise(dosages: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Deviations over their expected standard deviation; 0 where missing."""
    scale = np.sqrt(2 * frequency * (1 - frequency))
    return np.nan_to_num((dosages - 2 * frequency[:, None]) / scale[:, None])


def _scores(people: list[str], values: np.ndarray, names: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(values, columns=names)
    table.insert(0, "participant_id", people)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="ancestry", description=__doc__.splitlines()[0])
    parser.add_argument("variants", help="VCF, BCF (indexed) or PGEN")
    parser.add_argument("--out", required=True, help="table of components, one row per person")
    parser.add_argument("--components", type=int, default=10)
    parser.add_argument("--fit-on", help="text file of ids that decide the components")
    parser.add_argument("--loadings", help="project on these instead of fitting")
    parser.add_argument("--save-loadings", help="write loadings here, to project others with")
    options = parser.parse_args(arguments)
    try:
        if options.loadings:
            loadings = pd.read_csv(options.loadings, sep="\t", dtype={"chrom": str})
            scores = project_ancestry(options.variants, loadings)
        else:
            ids = Path(options.fit_on).read_text().split() if options.fit_on else None
            scores, loadings = fit_ancestry(options.variants, ids, n_components=options.components)
    except (InputError, OSError) as error:
        parser.exit(1, f"Error: {error}\n")
    scores.to_csv(options.out, sep="\t", index=False, float_format="%.6g")
    if options.save_loadings:
        loadings.to_csv(options.save_loadings, sep="\t", index=False, float_format="%.8g")
    print(f"{len(scores):,} people, {len(loadings):,} variants: {options.out}")


if __name__ == "__main__":
    main()
