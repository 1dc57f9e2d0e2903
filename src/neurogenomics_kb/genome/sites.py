"""Where the variants of PLINK files lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.genotypes import place_on_x, refuse_two_spellings


class SiteTable:
    """Variants by contig and position.

    Parameters
    ----------
    chroms : sequence of str, length n_variants
        Contig as the file names it; PAR1, PAR2 and XY are stretches of X.
    starts : ndarray of int, shape (n_variants,)
        0-based position of the reference allele's first base.
    ends : ndarray of int, shape (n_variants,)
        Position after its last base.
    file : Path
        To name in messages.
    declared : list of str
        Contigs that the header names, which may be spelt otherwise; default none. Where the file
        has nothing but PAR1 or PAR2, they say how X is spelt.

    Raises
    ------
    InputError
        If variants are not sorted by position within what the file calls a contig.
    """

    def __init__(
        self,
        chroms: list[str],
        starts: np.ndarray,
        ends: np.ndarray,
        file: Path,
        declared: list[str] | None = None,
    ) -> None:
        names = np.array(chroms, dtype=object)
        edges = (np.flatnonzero(names[1:] != names[:-1]) + 1).tolist() if len(names) else []
        firsts, lasts = [0, *edges], [*edges, len(names)]
        stretches = [(str(names[a]), a, b) for a, b in zip(firsts, lasts, strict=True) if b > a]
        seen = [name for name, _, _ in stretches]
        falling = any((np.diff(starts[a:b]) < 0).any() for _, a, b in stretches)
        if falling or len(set(seen)) < len(seen):
            raise InputError(
                "the variants are not sorted by position",
                file=file,
                remedy="Run `plink2 --pfile … --sort-vars --make-pgen`.",
            )
        self.starts, self.ends = starts, ends
        contig = place_on_x(seen, declared or [])
        parts: dict[str, list[np.ndarray]] = {}
        for name, a, b in stretches:
            parts.setdefault(contig[name], []).append(np.arange(a, b))
        self._numbers = {
            name: (own := np.concatenate(each))[np.argsort(starts[own], kind="stable")]
            for name, each in parts.items()
        }
        self.contigs = list(self._numbers)
        refuse_two_spellings(self.contigs, file)

    def overlapping(self, chrom: str, start: int, end: int) -> list[int]:
        """Numbers of the variants whose reference allele overlaps ``[start, end)``, by position."""
        own = self._numbers.get(chrom)
        if own is None:
            return []
        own = own[: int(np.searchsorted(self.starts[own], end))]
        # A long reference allele may begin far before the region.
        return own[self.ends[own] > start].tolist()

    def at(self, chrom: str, positions: np.ndarray) -> np.ndarray:
        """Numbers of the variants that begin at some positions, by position.

        Parameters
        ----------
        chrom : str
            Contig.
        positions : ndarray of int, shape (n_positions,)
            0-based, rising, each once.
        """
        own = self._numbers.get(chrom)
        if own is None or not len(positions):
            return np.empty(0, dtype=np.intp)
        starts = self.starts[own]
        place = np.minimum(np.searchsorted(positions, starts), len(positions) - 1)
        return own[positions[place] == starts]

    def spans(self) -> dict[str, tuple[int, int]]:
        """0-based positions of the first and the last variant of every contig that has any."""
        return {
            name: (int(self.starts[own[0]]), int(self.starts[own[-1]]))
            for name, own in self._numbers.items()
        }
