"""Scores on components of ancestry that others decided."""

from __future__ import annotations

import logging
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.builds import chromosome_name
from neurogenomics_kb.genome.genotypes import VariantFile
from neurogenomics_kb.genome.sequences import reverse_complement
from neurogenomics_kb.genome.split_sites import sites
from neurogenomics_kb.genome.variants import open_variants

logger = logging.getLogger(__name__)

LOADING_COLUMNS = ["chrom", "pos", "ref", "alt", "frequency"]
# Share of missing calls above which a person is counted in the log.
MANY_MISSING = 0.1
# Least share of a direction's information that a person's calls must hold.
UNDETERMINED = 1e-3


def project_ancestry(variants: str | Path, loadings: pd.DataFrame) -> pd.DataFrame:
    """Everybody's scores on components that others decided.

    A variant is known by its two alleles, whichever the file calls the reference, and in either
    strand's letters. A/T and C/G variants are left out where the file spells others on the other
    strand.

    Parameters
    ----------
    variants : str or Path
        VCF, BCF or PGEN.
    loadings : DataFrame
        As `fit_ancestry` returns them.

    Returns
    -------
    DataFrame
        ``participant_id, pc1, …, missing_calls``: each person's share of the loadings' variants
        without a call, those that the file lacks included. Scores are those of the calls that are
        there, not drawn towards zero by the others; they are missing where the calls do not
        determine them.

    Raises
    ------
    InputError
        If columns are missing or hold no numbers, variants repeat, or fewer than 90 % of the
        variants are in the file.
    """
    names = _check_loadings(loadings)
    values = loadings[names].to_numpy(dtype=float)
    how: Counter[str] = Counter()
    unsure: list[np.ndarray] = []
    with open_variants(variants) as calls:
        contigs: dict[str, list[str]] = {}
        for contig in calls.contigs:
            contigs.setdefault(chromosome_name(contig), []).append(contig)
        people = calls.samples
        total, doubtful = np.zeros((2, len(people), len(names)))
        lost, lost_doubtful = Lost(len(people), len(names)), Lost(len(people), len(names))
        everybody = np.ones(len(people), dtype=bool)
        for own, row in zip(values, loadings.itertuples(), strict=True):
            one = _find(calls, contigs, row)
            # A/T and C/G say nothing of the strand that they are on; the others may.
            mute = {row.ref, row.alt} in ({"A", "T"}, {"C", "G"})
            how["absent" if one is None else "A/T or C/G" if mute else one[1]] += 1
            if one is None:
                lost.add(everybody, own)
                continue
            dosage = one[0]
            standard = standardise(dosage[None], np.array([row.frequency]))[0]
            (doubtful if mute else total)[:] += np.outer(standard, own)
            (lost_doubtful if mute else lost).add(np.isnan(dosage), own)
            if mute:
                unsure.append(own)
    if any(spelling.startswith("other strand") for spelling in how):
        for own in unsure:
            lost.add(everybody, own)
    else:
        total += doubtful
        lost.join(lost_doubtful)
    present = len(loadings) - how["absent"]
    if present < 0.9 * len(loadings):
        raise InputError(
            f"{present} of {len(loadings)} variants of the loadings are in the file",
            file=variants,
            remedy="Loadings and genotypes must be of one genome build, and most variants typed.",
        )
    logger.info("ancestry: variants of the loadings: %s", listing(
        (f"{n} {kind}" for kind, n in sorted(how.items())), len(how)
    ))  # fmt: skip
    return scores_of_calls(people, total, lost, values, names, projected=True)


def _check_loadings(loadings: pd.DataFrame) -> list[str]:
    """Names of the components, after checking that the table can be used."""
    names = [c for c in loadings if re.fullmatch(r"pc\d+", str(c))]
    absent = [c for c in LOADING_COLUMNS if c not in loadings]
    if absent or not names:
        raise InputError(
            "a column is missing",
            file="loadings",
            column=(absent or ["pc1"])[0],
            remedy="Use a table that --save-loadings wrote.",
        )
    for column in ("pos", "frequency", *names):
        numbers = pd.to_numeric(loadings[column], errors="coerce").astype(float)
        wrong = ~np.isfinite(numbers)
        if column == "pos":
            wrong |= (numbers < 1) | (numbers % 1 != 0)
        if column == "frequency":
            wrong |= (numbers <= 0) | (numbers >= 1)
        if wrong.any():
            raise InputError(
                f"{int(wrong.sum())} values cannot be used, first "
                f"{loadings[column][wrong].iloc[0]!r}",
                file="loadings",
                column=column,
                remedy="Use a table that --save-loadings wrote.",
            )
    # One variant whichever of its alleles is called the reference.
    alleles = [tuple(sorted(map(str, pair))) for pair in zip(loadings["ref"], loadings["alt"],
                                                            strict=True)]  # fmt: skip
    chroms = loadings["chrom"].astype(str).map(chromosome_name)
    twice = loadings.assign(chrom=chroms, ref=alleles).duplicated(["chrom", "pos", "ref"])
    if twice.any():
        first = loadings[twice].iloc[0]
        raise InputError(
            f"{int(twice.sum())} variants repeat, first {first['chrom']}:{first['pos']}",
            file="loadings",
            remedy="Keep each variant once.",
        )
    return names


def _find(calls: VariantFile, contigs: dict[str, list[str]], row) -> tuple[np.ndarray, str] | None:
    """Everybody's copies of a loading's alternate allele (NaN where missing), and its spelling."""
    places = contigs.get(chromosome_name(str(row.chrom)), [])
    start = int(row.pos) - 1
    here = [r for c in places for r in calls.records(c, start, start + 1) if r.position == start]
    spellings = [("as in the loadings", row.ref, row.alt), ("swapped", row.alt, row.ref)]
    if len(row.ref) == len(row.alt) == 1:
        one, other = reverse_complement(row.ref), reverse_complement(row.alt)
        if {one, other} != {row.ref, row.alt}:
            spellings += [("other strand", one, other), ("other strand, swapped", other, one)]
    for spelling, ref, alt in spellings:
        for site in sites(here):
            if site.alleles[0] == ref and alt in site.alleles[1:]:
                number = 0 if "swapped" in spelling else site.alleles.index(alt)
                copies, known = site.copies(number)
                return np.where(known, copies, np.nan), spelling
    return None


def read_loadings(file: str | Path) -> pd.DataFrame:
    """Loadings that ``--save-loadings`` wrote.

    Raises
    ------
    InputError
        If the file is no such table.
    """
    text = {"chrom": str, "ref": str, "alt": str}
    try:
        table = pd.read_csv(file, sep="\t", dtype=text, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(
            f"the loadings cannot be read ({error})",
            file=file,
            remedy="Use a table that --save-loadings wrote.",
        ) from None
    _check_loadings(table)
    return table


def standardise(dosages: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Deviations over their expected standard deviation; 0 where missing."""
    scale = np.sqrt(2 * frequency * (1 - frequency))
    return np.nan_to_num((dosages - 2 * frequency[:, None]) / scale[:, None])


class Lost:
    """What missing calls take from each person.

    Parameters
    ----------
    n_people, n_components : int
        People and components.
    """

    def __init__(self, n_people: int, n_components: int) -> None:
        self.products = np.zeros((n_people, n_components, n_components))
        self.calls = np.zeros(n_people, dtype=np.int64)

    def add(self, missing: np.ndarray, loading: np.ndarray) -> None:
        """People (bool, one each) who lack a variant of these loadings."""
        self.products[missing] += np.outer(loading, loading)
        self.calls += missing

    def join(self, other: Lost) -> None:
        """What other variants take, too."""
        self.products += other.products
        self.calls += other.calls


def scores_of_calls(
    people: list[str],
    total: np.ndarray,
    lost: Lost,
    loadings: np.ndarray,
    names: list[str],
    *,
    projected: bool,
) -> pd.DataFrame:
    """Scores of people from sums over the calls that they have.

    A sum in which missing calls count nothing shrinks with them. The sum over the calls that are
    there is the product of their loadings with themselves times the person's coordinates (least
    squares), which are put into units of all loadings; for somebody without missing calls the sum
    stays as it is.

    Parameters
    ----------
    people : list of str
        People in the order of the file.
    total : ndarray, shape (n_people, n_components)
        Sums of standardised dosage times loading over the calls that are there.
    lost : Lost
        What the others take.
    loadings : ndarray, shape (n_variants, n_components)
        Weight of every variant on every component.
    names : list of str
        Names of the components.
    projected : bool
        Whether to tell each person's share of missing calls.
    """
    whole = loadings.T @ loadings
    # Components in units of their own, so that a small one is not taken for an undetermined one.
    unit = np.sqrt(np.diag(whole))
    values = total.copy()
    for person in np.flatnonzero(lost.calls):
        seen = (whole - lost.products[person]) / np.outer(unit, unit)
        if np.linalg.eigvalsh(seen)[0] < UNDETERMINED:
            values[person] = np.nan
        else:
            values[person] = whole @ (np.linalg.solve(seen, total[person] / unit) / unit)
    table = pd.DataFrame(values, columns=names)
    table.insert(0, "participant_id", people)
    missing = lost.calls / len(loadings)
    undetermined = int(np.isnan(values).any(axis=1).sum())
    if undetermined:
        logger.warning(
            "ancestry: %d of %d people have too few calls, their components are missing",
            undetermined, len(people),
        )  # fmt: skip
    many = int((missing > MANY_MISSING).sum())
    if many:
        logger.warning(
            "ancestry: %d of %d people lack more than %d %% of the calls, their components are "
            "less certain",
            many, len(people), round(100 * MANY_MISSING),
        )  # fmt: skip
    if projected:
        table["missing_calls"] = missing
    return table
