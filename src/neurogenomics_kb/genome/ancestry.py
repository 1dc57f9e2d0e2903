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
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils.extmath import randomized_svd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.builds import chromosome_name
from neurogenomics_kb.genome.sequences import reverse_complement
from neurogenomics_kb.genome.sites import sites
from neurogenomics_kb.genome.variants import VariantFile, open_variants

logger = logging.getLogger(__name__)

AUTOSOMES = {str(number) for number in range(1, 23)}
# No contig is longer; the index of a VCF ends here.
END = 2**29
LOADING_COLUMNS = ["chrom", "pos", "ref", "alt", "frequency"]
# Kept variants that a new one is compared with.
NEIGHBOURS = 100
# Share of missing calls above which a person is counted in the log.
MANY_MISSING = 0.1
# Least share of a direction's information that a person's calls must hold.
UNDETERMINED = 1e-3


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
    (`_scores`), so that missing calls draw nobody towards zero.

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
    standard = _standardise(calls_of, table["frequency"].to_numpy())
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
    return _scores(people, standard.T @ values, lost, values, names, projected=projected), table


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
            standard = _standardise(dosage[None], np.array([row.frequency]))[0]
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
    return _scores(people, total, lost, values, names, projected=True)


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
    twice = loadings.duplicated(["chrom", "pos", "ref", "alt"])
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


def read_people(file: str | Path, people: Sequence[str]) -> list[str]:
    """Ids from a list of people: one a line, or as PLINK keeps them.

    Parameters
    ----------
    file : str or Path
        Ids separated by blanks or lines; or PLINK's ``FID IID`` with or without a header line
        (``#FID IID``, ``#IID``, ``IID SID``).
    people : sequence of str
        People of the genotypes; they tell two columns of ids from one.

    Raises
    ------
    InputError
        If nobody is in it, the header has no ``IID``, or it cannot be told which column is meant.
    """
    text = Path(file).read_text(encoding="utf-8-sig")
    lines = [line.split() for line in text.splitlines() if line.strip()]
    known = set(people)
    header = [word.lstrip("#").upper() for word in lines[0]] if lines else []
    titles = {"FID", "IID", "SID", "PAT", "MAT", "SEX"}
    titled = bool(lines) and (
        lines[0][0].startswith("#") or (set(header) <= titles and not known & set(lines[0]))
    )
    if titled:
        if "IID" not in header:
            raise InputError(
                "the header line names no column IID",
                file=file,
                remedy="Begin the file with `#IID` or `#FID IID`, as plink2 writes it.",
            )
        column = header.index("IID")
        families = header.index("FID") if "FID" in header else None
        rows = [line for line in lines[1:] if not line[0].startswith("#")]
        short = sum(len(line) <= column for line in rows)
        if short:
            raise InputError(
                f"{short} lines end before the column IID", file=file, remedy="Complete them."
            )
        return _named([(r[column], None if families is None else r[families]) for r in rows],
                      known, file)  # fmt: skip
    ids = [word for line in lines for word in line]
    pairs = len(lines) > 0 and all(len(line) == 2 for line in lines)
    if not pairs or (len(lines) == 1 and known.issuperset(ids)):
        return _named([(word, None) for word in ids], known, file)
    first, second = zip(*lines, strict=True)
    if first != second and known.issuperset(ids):
        raise InputError(
            "two columns, and both hold ids of people",
            file=file,
            remedy="Write one id a line, or a header line `#FID IID`.",
        )
    return _named([(iid, fid) for fid, iid in lines], known, file)


def _named(pairs: list[tuple[str, str | None]], known: set[str], file: str | Path) -> list[str]:
    """Ids as the genotypes have them: the IID, or family and IID in one, as PLINK 1 exports."""
    if not pairs:
        raise InputError("the list of people is empty", file=file, remedy="List ids to fit on.")
    joined = [iid if fid is None or iid in known else f"{fid}_{iid}" for iid, fid in pairs]
    return [j if j in known else iid for j, (iid, _) in zip(joined, pairs, strict=True)]


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


def _standardise(dosages: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Deviations over their expected standard deviation; 0 where missing."""
    scale = np.sqrt(2 * frequency * (1 - frequency))
    return np.nan_to_num((dosages - 2 * frequency[:, None]) / scale[:, None])


class Lost:
    """What missing calls take from each person.

    Parameters
    ----------
    n_people, n_components : int
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


def _scores(
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
    total : ndarray, shape (n_people, n_components)
        Sums of standardised dosage times loading over the calls that are there.
    lost : Lost
        What the others take.
    loadings : ndarray, shape (n_variants, n_components)
    names : list of str
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
