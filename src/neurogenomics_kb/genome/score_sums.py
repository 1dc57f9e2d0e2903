"""Weighted sums of alleles for many scores in one pass over a file of variants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.threads import one_thread
from neurogenomics_kb.genome.allele_choice import (
    BASES,
    NO_OTHER,
    REASONS,
    Ambiguous,
    choices_of_bases,
    choose,
)
from neurogenomics_kb.genome.builds import chromosome_name
from neurogenomics_kb.genome.genotypes import VariantFile
from neurogenomics_kb.genome.scoring_files import ScoringFile, by_value, candidates
from neurogenomics_kb.genome.site_blocks import (
    NO_BASE,
    SiteBlock,
    blocks_of,
    records_at_once,
)
from neurogenomics_kb.genome.split_sites import Site, sites

COUNTS = ["matched", "flipped", "ambiguous", "absent", "other_alleles"]
# Weights that are held at a time, of all scores.
WEIGHTS = 1 << 22
# Number of a place in a block, of a score, of its row, and the row as it is written.
_Row = tuple[Any, ...]


class ScoreRows:
    """Rows of one score by chromosome and position, and what became of them.

    Parameters
    ----------
    score : ScoringFile
        The score.
    """

    def __init__(self, score: ScoringFile) -> None:
        self.score = score
        table = score.variants
        self.weights = table["weight"].to_numpy(dtype=float)
        frequencies = table["frequency"].to_numpy(dtype=float)
        self.copies_if_missing = 2 * np.where(np.isnan(frequencies), 0.0, frequencies)
        self.effect = by_value(table["effect"], lambda text: BASES.get(text, NO_BASE)).to_numpy(
            dtype=np.int8
        )
        self.other = _others(table["other"])
        starts = table["pos"].to_numpy(dtype=np.int64) - 1
        names = by_value(table["chrom"], lambda text: chromosome_name(str(text)))
        codes, chromosomes = pd.factorize(names)
        order = np.lexsort((starts, codes))
        sizes = np.bincount(codes, minlength=len(chromosomes))
        parts = np.split(order, np.cumsum(sizes)[:-1]) if len(order) else []
        # Numbers of the rows on each chromosome by position, and those positions.
        self.rows = dict(zip(map(str, chromosomes), parts, strict=True))
        self.starts = {name: starts[rows] for name, rows in self.rows.items()}
        self.counted = np.zeros(len(table), dtype=bool)
        self.counts = dict.fromkeys(COUNTS, 0)
        self.counts["absent"] = len(table)
        self.missing = 0
        self._clash: tuple[int, InputError] | None = None

    def clashes(self, row: int, before: int, chrom: object, pos: object) -> None:
        """Note that a row counts what another one before it counts."""
        if self._clash is not None and self._clash[0] < row:
            return
        table = self.score.variants
        own = table["row"] if "row" in table else table.index + 1
        self._clash = (
            row,
            InputError(
                f"rows {own[before]} and {own[row]} of {self.score.name} count one variant "
                f"twice, at {chrom}:{pos}",
                file=self.score.path,
                remedy="Keep the row that is meant.",
            ),
        )

    def refuse_clash(self) -> None:
        """Refuse to count an allele, or both alleles of a biallelic site, by two rows.

        Raises
        ------
        InputError
        """
        if self._clash is not None:
            raise self._clash[1]


def _others(values: pd.Series) -> np.ndarray:
    """Number of the other allele if it is one base, `NO_OTHER` if there is none."""

    def number(text: object) -> int:
        found = candidates(text)
        if not found:
            return NO_OTHER
        return BASES.get(found[0], NO_BASE) if len(found) == 1 else NO_BASE

    known = values.fillna("") if values.isna().any() else values
    return by_value(known, number).to_numpy(dtype=np.int8)


def sum_scores(
    calls: VariantFile, scores: Sequence[ScoringFile], ambiguous: Ambiguous
) -> tuple[np.ndarray, list[ScoreRows]]:
    """Sums of all scores in one pass over the chromosomes that they are of.

    Parameters
    ----------
    calls : VariantFile
        Opened genotypes.
    scores : sequence of ScoringFile
        Scores, all at once.
    ambiguous : {"exclude", "same_strand"}
        What to do with A/T and C/G sites.

    Returns
    -------
    totals : ndarray, shape (n_scores, n_samples)
    rows : list of ScoreRows
        What became of the rows of each score.
    """
    contigs: dict[str, list[str]] = {}
    for contig in calls.contigs:
        contigs.setdefault(chromosome_name(contig), []).append(contig)
    rows = [ScoreRows(score) for score in scores]
    totals = np.zeros((len(scores), len(calls.samples)))
    summing = _Summing(rows, totals, ambiguous)
    chromosomes = dict.fromkeys(name for each in rows for name in each.rows)
    # Products of a few thousand records are small: more threads would wait for one another.
    with one_thread():
        for chromosome in chromosomes:
            places = contigs.get(chromosome)
            if places:
                wanted = [each.starts[chromosome] for each in rows if chromosome in each.starts]
                for block in blocks_of(calls, places, _distinct(wanted)):
                    summing.add(chromosome, block)
    return totals, rows


def _distinct(sorted_parts: list[np.ndarray]) -> np.ndarray:
    """Values of sorted arrays, rising, each once."""
    values = sorted_parts[0] if len(sorted_parts) == 1 else np.sort(np.concatenate(sorted_parts))
    return values[np.append(True, values[1:] != values[:-1])] if len(values) else values


@dataclass
class _Matches:
    """Rows of one score whose allele is one of two single bases.

    ``records`` are the numbers of their records, rising; the score gets ``slope`` times the copies
    of the alternate allele plus ``level``, or, where a call is missing, ``absent`` more than
    what no copy gives.
    """

    score: int
    records: np.ndarray
    slope: np.ndarray
    level: float
    absent: np.ndarray


@dataclass
class _Summing:
    """Adds block after block to the totals."""

    rows: list[ScoreRows]
    totals: np.ndarray
    ambiguous: Ambiguous
    table: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.table = choices_of_bases(self.ambiguous)

    def add(self, chromosome: str, block: SiteBlock) -> None:
        """Add what all scores count in a block, which holds one record at least."""
        begins = np.flatnonzero(np.append(True, block.positions[1:] != block.positions[:-1]))
        positions = block.positions[begins]
        alone = np.diff(np.append(begins, len(block.positions))) == 1
        plain = alone & (block.ref[begins] != NO_BASE) & (block.alt[begins] != NO_BASE)
        found, left = [], []
        for number, score in enumerate(self.rows):
            starts = score.starts.get(chromosome)
            if starts is None:
                continue
            low, high = np.searchsorted(starts, [positions[0], positions[-1] + 1])
            starts, rows = starts[low:high], score.rows[chromosome][low:high]
            place = np.searchsorted(positions, starts)
            here = positions[place] == starts
            score.counts["absent"] -= int(here.sum())
            # Rows that share a position may be of one variant.
            same = np.append(False, starts[1:] == starts[:-1])
            shared = same | np.append(same[1:], False)
            simple = here & ~shared & plain[place]
            simple &= (score.effect[rows] != NO_BASE) & (score.other[rows] != NO_BASE)
            found.append(self._match(number, block, begins[place[simple]], rows[simple]))
            rest = here & ~simple
            left += self._texts(number, place[rest], rows[rest])
        self._add_plain(block, [each for each in found if len(each.records)])
        self._add_others(block, begins, sorted(left, key=itemgetter(0, 1, 2)))

    def _match(
        self, number: int, block: SiteBlock, records: np.ndarray, rows: np.ndarray
    ) -> _Matches:
        """What rows count at records of two single bases, each at its own."""
        score = self.rows[number]
        chosen = self.table[
            block.ref[records], block.alt[records], score.effect[rows], score.other[rows]
        ]
        for reason, name in REASONS.items():
            score.counts[name] += int((chosen == reason).sum())
        kept = chosen >= 0
        records, rows, chosen = records[kept], rows[kept], chosen[kept]
        score.counts["matched"] += len(rows)
        score.counts["flipped"] += int((chosen >= 2).sum())
        score.counted[rows] = True
        weights, alternate = score.weights[rows], chosen % 2 == 1
        without = np.where(alternate, 0.0, 2.0) * weights
        return _Matches(
            number,
            records,
            np.where(alternate, weights, -weights),
            float(without.sum()),
            weights * score.copies_if_missing[rows] - without,
        )

    def _add_plain(self, block: SiteBlock, found: list[_Matches]) -> None:
        """Add records of two single bases, some of them at a time."""
        if not found:
            return
        for each in found:
            self.totals[each.score] += each.level
        needed = _distinct([each.records for each in found])
        n_people = self.totals.shape[1]
        size = max(1, min(records_at_once(n_people), WEIGHTS // len(found)))
        scores = [each.score for each in found]
        for begin in range(0, len(needed), size):
            records = needed[begin : begin + size]
            slopes = np.zeros((len(records), len(found)))
            absent = np.zeros_like(slopes)
            own = []
            for column, each in enumerate(found):
                low, high = np.searchsorted(each.records, [records[0], records[-1] + 1])
                places = np.searchsorted(records, each.records[low:high])
                slopes[places, column] = each.slope[low:high]
                absent[places, column] = each.absent[low:high]
                own.append(places)
            counts = block.counts(records)
            gaps = np.flatnonzero(counts.reshape(-1) < 0)
            if len(gaps):
                np.maximum(counts, 0, out=counts)
                row, person = np.divmod(gaps, n_people)
                n_missing = np.bincount(row, minlength=len(records))
                for each, places in zip(found, own, strict=True):
                    self.rows[each.score].missing += int(n_missing[places].sum())
                edges = np.append(0, np.cumsum(n_missing))
                shape = (len(records), n_people)
                gone = sparse.csr_array((np.ones(len(gaps)), person, edges), shape=shape)
                self.totals[scores] += (gone.T @ absent).T
            self.totals[scores] += slopes.T @ counts.astype(float)

    def _texts(self, number: int, places: np.ndarray, rows: np.ndarray) -> Iterator[_Row]:
        """Rows of a score as they are written, with the number of their place."""
        columns = self.rows[number].score.variants[["chrom", "pos", "effect", "other"]]
        texts = (columns[name].take(rows) for name in columns)
        for at, row, *text in zip(places.tolist(), rows.tolist(), *texts, strict=True):
            yield at, number, row, *text

    def _add_others(self, block: SiteBlock, begins: np.ndarray, left: list[_Row]) -> None:
        """Add rows at places of more than one record or of other alleles, one by one."""
        ends = np.append(begins[1:], len(block.positions))
        last, here, counted = -1, [], {}
        for place, number, row, *text in left:
            if place != last:
                records = [block.record(i) for i in range(begins[place], ends[place])]
                last, here, counted = place, sites(records), {}
            self._add_one(here, number, row, text, counted)

    def _add_one(self, here: list[Site], number: int, row: int, text: list, counted: dict) -> None:
        """Add one row; `counted` are alleles of this place that rows have counted."""
        score, (chrom, pos, effect, other) = self.rows[number], text
        chosen = choose(here, effect, candidates(other), self.ambiguous)
        if isinstance(chosen, str):
            score.counts[chosen] += 1
            return
        site, allele, flipped = chosen
        place = (number, chrom, *site.alleles)
        key = place if len(site.alleles) == 2 else (*place, allele)
        before = counted.setdefault(key, row)
        if before != row:
            score.clashes(row, before, chrom, pos)
        copies, known = site.copies(allele)
        copies = np.where(known, copies, score.copies_if_missing[row])
        self.totals[number] += score.weights[row] * copies
        score.missing += int((~known).sum())
        score.counted[row] = True
        score.counts["matched"] += 1
        score.counts["flipped"] += flipped
