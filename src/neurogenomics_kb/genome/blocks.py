"""Several files of genotypes as one: chromosomes, or blocks in which biobanks deliver exomes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.genotypes import Record, VariantFile, refuse_two_spellings
from neurogenomics_kb.genome.site_blocks import SiteBlock, blocks_of

# Reference alleles are shorter than this.
REACH = 100_000
OPEN = 4


class BlockedVariants:
    """Files with the same people and no stretch of a contig in common, read as one.

    Parameters
    ----------
    paths : sequence of Path
        Files, in any order.
    open_file : callable
        ``open_file(path, samples)`` opens one of them.
    samples : sequence of str, optional
        Samples to read; default all, in the order of the first file.

    Raises
    ------
    InputError
        If two files hold different people, records of the same stretch, or name a chromosome
        differently.

    Notes
    -----
    Records come in the order of position whatever the order of the files. Few files are open at a
    time, since biobanks deliver thousands. A reference allele is looked for up to `REACH` bases
    behind the last record's position of its file.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        open_file: Callable[[Path, Sequence[str] | None], VariantFile],
        samples: Sequence[str] | None = None,
    ) -> None:
        self._paths, self._open = list(paths), open_file
        more = f" (and {len(self._paths) - 1} more)" if len(self._paths) > 1 else ""
        self.path = self._paths[0].with_name(self._paths[0].name + more)
        if len(set(self._paths)) < len(self._paths):
            raise InputError(
                "a file is listed more than once", file=self.path, remedy="Name each file once."
            )
        self.contigs: list[str] = []
        self._parts: dict[str, list[tuple[int, int, int]]] = {}
        everyone: list[str] = []
        for number, path in enumerate(self._paths):
            with open_file(path, None) as part:
                if number == 0:
                    everyone = list(part.samples)
                self._check_people(path, part.samples, everyone)
                self.contigs += [name for name in part.contigs if name not in self.contigs]
                for name, (first, last) in part.spans().items():
                    self._parts.setdefault(name, []).append((first, last, number))
        refuse_two_spellings(self._parts, self.path)
        for name, parts in self._parts.items():
            parts.sort()
            self._check_overlap(name, parts)
        self._files: OrderedDict[int, VariantFile] = OrderedDict()
        wanted = everyone if samples is None else samples
        # Opening a file with the samples checks them.
        with open_file(self._paths[0], wanted) as part:
            self.samples = list(part.samples)

    def _check_people(self, path: Path, people: list[str], everyone: list[str]) -> None:
        if people == everyone:
            return
        other = sorted(set(people) ^ set(everyone))
        what = f"{listing(other)} in one only" if other else "in another order"
        raise InputError(
            f"the people are not those of {self._paths[0].name} ({what})",
            file=path,
            subjects=len(other) or None,
            of=len(set(people) | set(everyone)) if other else None,
            remedy="Blocks of one source hold the same samples in the same order.",
        )

    def _check_overlap(self, name: str, parts: list[tuple[int, int, int]]) -> None:
        for (_, last, one), (first, _, two) in pairwise(parts):
            if first <= last:
                raise InputError(
                    f"holds {name}:{first + 1}, which {self._paths[one].name} covers too (to "
                    f"{last + 1})",
                    file=self._paths[two],
                    remedy="Blocks must not overlap: leave one out, or join them with "
                    "`bcftools concat --allow-overlaps --rm-dups all`.",
                )

    def __enter__(self) -> BlockedVariants:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.__exit__(None, None, None)
        self._files.clear()

    def _at(self, number: int) -> VariantFile:
        if number not in self._files:
            self._files[number] = self._open(self._paths[number], self.samples)
            if len(self._files) > OPEN:
                self._files.popitem(last=False)[1].__exit__(None, None, None)
        self._files.move_to_end(number)
        return self._files[number]

    def records(self, chrom: str, start: int, end: int) -> Iterator[Record]:
        """Records whose reference allele overlaps ``[start, end)`` (0-based), by position."""
        for first, last, number in self._parts.get(chrom, []):
            if first < end and last + REACH > start:
                yield from self._at(number).records(chrom, start, end)

    def blocks(self, contig: str, positions: np.ndarray) -> Iterator[SiteBlock]:
        """Records that begin at some positions of a contig (0-based, rising, each once)."""
        for first, last, number in self._parts.get(contig, []):
            low, high = np.searchsorted(positions, [first, last + 1])
            if low < high:
                yield from blocks_of(self._at(number), [contig], positions[low:high])

    def spans(self) -> dict[str, tuple[int, int]]:
        """0-based positions of the first and the last record of every contig that has records."""
        return {name: (parts[0][0], parts[-1][1]) for name, parts in self._parts.items()}
