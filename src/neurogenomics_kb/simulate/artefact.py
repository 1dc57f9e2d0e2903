"""A sequencing artefact: one gene whose calls fail in one batch that cases share unevenly.

The reference genome holds the rare, short allele of several repeats, as references do; nearly
everybody carries the expanded one. Where calls are missing and the reference is filled in, the
sequence changes for everybody at once: the gene then tells the batch, and the batch the diagnosis.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from neurogenomics_kb.simulate.genome import MARGIN, Gene

N_REPEATS = 8
UNIT, COPIES = "CG", 12
RARE = 0.02
MISSING_IN_BATCH = 0.8
BATCH = 2


def plant_repeats(
    rng: np.random.Generator, genes: list[Gene], contigs: dict[str, str]
) -> tuple[list[Gene], str]:
    """Give the last gene without haplogroups expanded repeats that the reference lacks.

    Returns
    -------
    genes : list of Gene
    name : str
        The gene.
    """
    position = max(i for i, gene in enumerate(genes) if not gene.haplogroup.any())
    gene = genes[position]
    sequence = contigs[gene.contig]
    places = [p for start, end in gene.exons for p in range(start + MARGIN, end - MARGIN, MARGIN)]
    chosen = np.sort(rng.choice(places, min(N_REPEATS, len(places)), replace=False))
    # An insertion after its anchor; a repeat that began with the anchor could be moved left.
    rows = [(int(p) + 1, sequence[p], sequence[p] + expansion(sequence[p])) for p in chosen]
    founders = np.ones((len(gene.founders), len(rows)), dtype=np.int8)
    founders[0] = 0
    frequencies = gene.frequencies.copy()
    frequencies[:, 0] = RARE
    frequencies[:, 1:] *= (1 - RARE) / frequencies[:, 1:].sum(axis=1, keepdims=True)
    planted = replace(
        gene,
        sites=pd.DataFrame(rows, columns=["pos", "ref", "alt"]),
        founders=founders,
        frequencies=frequencies,
    )
    return [*genes[:position], planted, *genes[position + 1 :]], gene.name


def expansion(anchor: str) -> str:
    """Repeat that does not end in its anchor, so that the insertion is left-aligned."""
    text = UNIT * COPIES
    return text if text[-1] != anchor else text + "A"


def fail_calls(
    rng: np.random.Generator,
    genotypes: np.ndarray,
    variants: pd.DataFrame,
    gene: Gene,
    batch: np.ndarray,
) -> None:
    """Set most calls of the gene to missing in one batch, in place."""
    own = (variants["chrom"] == gene.contig) & variants["pos"].isin(gene.sites["pos"])
    rows, columns = np.flatnonzero(own), np.flatnonzero(batch == BATCH)
    failed = rng.random((len(rows), len(columns))) < MISSING_IN_BATCH
    block = genotypes[np.ix_(rows, columns)]
    block[failed] = -1
    genotypes[np.ix_(rows, columns)] = block
