"""Alleles of one place, whether a file holds them in one record or splits them over several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from neurogenomics_kb.genome.genotypes import Record


class Site:
    """Alleles of one place, whether a file holds them in one record or splits them over several.

    Parameters
    ----------
    records : sequence of Record
        Records of one position and reference allele.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self.alleles = [records[0].ref, *(alt for r in records for alt in r.alts)]
        self._of = [(r, n + 1) for r in records for n in range(len(r.alts))]

    @property
    def repeats(self) -> bool:
        """Whether an allele is there twice, as where records are duplicated."""
        known = [a for a in self.alleles if a is not None]
        return len(set(known)) < len(known)

    def copies(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Copies of an allele that each person has, and of whom they are known.

        In a split site a record's reference stands for everything but its own alternate allele,
        and what is missing in it may be the allele of another record.
        """
        if len(self._records) == 1:
            alleles = self._records[0].alleles
            return (alleles == number).sum(axis=1), (alleles >= 0).all(axis=1)
        alts = {id(r): (r.alleles > 0).sum(axis=1) for r in self._records}
        total = sum(alts.values())
        explained = {
            id(r): (r.alleles < 0).sum(axis=1) <= total - alts[id(r)] for r in self._records
        }
        if number:
            record, own = self._of[number - 1]
            return (record.alleles == own).sum(axis=1), explained[id(record)]
        return np.maximum(2 - total, 0), np.logical_and.reduce(list(explained.values()))


def sites(records: Iterable[Record]) -> list[Site]:
    """Records of one position as sites.

    Substitutions of one reference allele are one site, insertions and deletions another: a base in
    front of an insertion is still that base.
    """
    groups: dict[tuple[str, bool], list[Record]] = {}
    for record in records:
        known = [alt for alt in record.alts if alt is not None]
        moves = any(len(alt) != len(record.ref) for alt in known)
        groups.setdefault((record.ref, moves), []).append(record)
    return [Site(group) for group in groups.values()]
