"""Which allele of a place a row of a scoring file counts, or why it counts none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Literal

import numpy as np

from neurogenomics_kb.genome.genotypes import Record
from neurogenomics_kb.genome.sequences import reverse_complement
from neurogenomics_kb.genome.split_sites import Site

Ambiguous = Literal["exclude", "same_strand"]
# Single bases by number, for tables of what becomes of them; and no allele at all.
BASES = {base: number for number, base in enumerate("ACGTN")}
NO_OTHER = len(BASES)
# What a row may come to at a place of two single bases; else the number of the allele that it
# counts, plus 2 where it was read on the other strand.
AMBIGUOUS, OTHER_ALLELES = -1, -2
REASONS = {AMBIGUOUS: "ambiguous", OTHER_ALLELES: "other_alleles"}


@cache
def choices_of_bases(ambiguous: Ambiguous) -> np.ndarray:
    """What `choose` says of every pair of single bases.

    Parameters
    ----------
    ambiguous : {"exclude", "same_strand"}
        As for `choose`.

    Returns
    -------
    ndarray of int8, shape (5, 5, 5, 6)
        By the numbers of the reference, the alternate, the effect and the other allele (`BASES`,
        or `NO_OTHER`): ``AMBIGUOUS``, ``OTHER_ALLELES``, or the number of the allele that is
        counted, plus 2 where it was read on the other strand.
    """
    nobody = np.empty((0, 2), dtype=np.int8)
    table = np.empty((*[len(BASES)] * 3, len(BASES) + 1), dtype=np.int8)
    reasons = {reason: number for number, reason in REASONS.items()}
    for ref, alt in product(BASES, repeat=2):
        site = Site([Record(0, ref, (alt,), nobody, nobody[:, 0] > 0, 0)])
        for effect, other in product(BASES, [*BASES, None]):
            found = choose([site], effect, (other,) if other else (), ambiguous)
            place = BASES[ref], BASES[alt], BASES[effect], BASES.get(other, NO_OTHER)
            table[place] = reasons[found] if isinstance(found, str) else found[1] + 2 * found[2]
    table.flags.writeable = False
    return table


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
