"""Reference, genes, founder haplotypes, and who carries which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

N_GENES = 38
N_CONTIGS = 4
N_FOUNDERS = 6
# Genes in which two old haplogroups segregate, as at MAPT; the first six carry the planted axes.
N_DIVERGENT = 12
CAUSAL_PER_AXIS = 3
N_AXES = 2
FST = 0.07
BASES = np.array(list("ACGT"))
BASE_FREQUENCIES = [0.275, 0.225, 0.225, 0.275]
MARGIN = 12


@dataclass(frozen=True)
class Gene:
    """A gene, its exons (0-based, half-open) and its segregating sites.

    Attributes
    ----------
    sites : DataFrame
        ``pos`` (1-based), ``ref``, ``alt``.
    founders : ndarray of int8 (N_FOUNDERS, n_sites)
        Alleles of each founder haplotype.
    haplogroup : ndarray of int8 (N_FOUNDERS,)
        1 for the second haplogroup of a divergent gene, else 0.
    frequencies : ndarray (n_ancestries, N_FOUNDERS)
    """

    name: str
    contig: str
    strand: str
    exons: list[tuple[int, int]]
    sites: pd.DataFrame
    founders: np.ndarray
    haplogroup: np.ndarray
    frequencies: np.ndarray


def simulate_genome(
    rng: np.random.Generator, n_ancestries: int, fst: float = FST
) -> tuple[dict[str, str], list[Gene]]:
    """Random reference with genes on both strands of four contigs.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    n_ancestries : int
        Number of ancestries.
    fst : float
        Differentiation of haplotype frequencies between ancestries.

    Returns
    -------
    contigs : dict of str to str
    genes : list of Gene
        ``SIM01`` … in order along the genome.
    """
    divergent = set(rng.choice(N_GENES, N_DIVERGENT, replace=False))
    contigs: dict[str, str] = {}
    genes = []
    per_contig = np.array_split(np.arange(N_GENES), N_CONTIGS)
    for number, members in enumerate(per_contig, start=1):
        contig, cursor, plans = f"chr{number}", 500, []
        for gene in members:
            exons = []
            for _ in range(rng.integers(2, 5)):
                length = int(rng.integers(150, 301))
                exons.append((cursor, cursor + length))
                cursor += length + int(rng.integers(120, 300))
            plans.append((int(gene), exons))
            cursor += int(rng.integers(300, 700))
        sequence = "".join(rng.choice(BASES, cursor + 500, p=BASE_FREQUENCIES))
        contigs[contig] = sequence
        genes += [
            make_gene(rng, f"SIM{gene + 1:02d}", contig, exons, sequence, gene in divergent,
                      n_ancestries, fst)
            for gene, exons in plans
        ]  # fmt: skip
    return contigs, genes


def make_gene(rng, name, contig, exons, sequence, divergent, n_ancestries, fst) -> Gene:
    """Sites and founder haplotypes of one gene."""
    sites = make_sites(rng, exons, sequence, 14 if divergent else 6)
    founders = np.zeros((N_FOUNDERS, len(sites)), dtype=np.int8)
    haplogroup = np.zeros(N_FOUNDERS, dtype=np.int8)
    if divergent:
        haplogroup[N_FOUNDERS // 2 :] = 1
        split = rng.random(len(sites)) < 0.8
        founders[np.ix_(haplogroup == 1, split)] = 1
        own = np.flatnonzero(~split)
    else:
        own = np.arange(len(sites))
    for site in own:  # a mutation on one branch: one to three founders carry it
        founders[rng.choice(N_FOUNDERS, rng.integers(1, 4), replace=False), site] = 1
    base = rng.dirichlet(np.full(N_FOUNDERS, 3.0))
    if divergent:
        share = rng.uniform(0.38, 0.5)
        for group, total in ((0, 1 - share), (1, share)):
            members = haplogroup == group
            base[members] = base[members] / base[members].sum() * total
    concentration = base * (1 - fst) / fst if fst > 0 else None
    frequencies = np.stack(
        [
            base if concentration is None else rng.dirichlet(concentration)
            for _ in range(n_ancestries)
        ]
    )
    strand = "+" if rng.random() < 0.5 else "-"
    return Gene(name, contig, strand, exons, sites, founders, haplogroup, frequencies)


def make_sites(rng, exons, sequence: str, n_sites: int) -> pd.DataFrame:
    """Exonic SNVs and some indels, normalised, none overlapping."""
    places = [p for start, end in exons for p in range(start + MARGIN, end - MARGIN, MARGIN)]
    chosen = np.sort(rng.choice(places, min(n_sites, len(places)), replace=False))
    rows = []
    for place in chosen:
        place = int(place)
        anchor = sequence[place]
        if rng.random() < 0.15:
            ref, alt = make_indel(rng, sequence, place)
        else:
            ref, alt = anchor, str(rng.choice([b for b in "ACGT" if b != anchor]))
        rows.append((place + 1, ref, alt))
    return pd.DataFrame(rows, columns=["pos", "ref", "alt"])


def make_indel(rng, sequence: str, place: int) -> tuple[str, str]:
    """Insertion or deletion of one to four bases that cannot be moved left."""
    anchor = sequence[place]
    length = int(rng.integers(1, 5))
    if rng.random() < 0.5:
        deleted = sequence[place + 1 : place + 1 + length]
        if deleted[-1] != anchor:
            return anchor + deleted, anchor
    inserted = "".join(rng.choice(BASES, length - 1))
    return anchor, anchor + inserted + str(rng.choice([b for b in "ACGT" if b != anchor]))


def causal_genes(genes: list[Gene]) -> list[list[str]]:
    """Names of the genes that carry each planted axis."""
    divergent = [g.name for g in genes if g.haplogroup.any()]
    return [divergent[k * CAUSAL_PER_AXIS : (k + 1) * CAUSAL_PER_AXIS] for k in range(N_AXES)]


def inherit_haplotypes(
    rng: np.random.Generator, gene: Gene, ancestry: np.ndarray, family: np.ndarray
) -> np.ndarray:
    """Founder haplotypes of every subject; siblings draw from the same two parents.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    gene : Gene
        The gene with its founder haplotypes.
    ancestry : ndarray of int (n,)
        Ancestry of every person.
    family : ndarray of int (n,)
        Family number; families have one ancestry.

    Returns
    -------
    ndarray of int (n, 2)
        Founder of the haplotype from each parent.
    """
    n_families = int(family.max()) + 1
    of_family = np.zeros(n_families, dtype=int)
    of_family[family] = ancestry
    cumulative = gene.frequencies.cumsum(axis=1)[of_family]
    draws = rng.random((n_families, 4))
    parents = (draws[:, :, None] > cumulative[:, None, :-1]).sum(axis=2)
    passed = rng.integers(0, 2, (len(family), 2))
    rows = parents[family]
    first = rows[np.arange(len(family)), passed[:, 0]]
    second = rows[np.arange(len(family)), 2 + passed[:, 1]]
    return np.column_stack([first, second])


def annotation_table(genes: list[Gene]) -> pd.DataFrame:
    """GTF rows (1-based, closed): gene, transcript, exons."""
    rows = []
    for gene in genes:
        span = (gene.exons[0][0], gene.exons[-1][1])
        identifier, transcript = f"SIMG{gene.name[3:]}", f"SIMT{gene.name[3:]}"
        order = (
            range(len(gene.exons), 0, -1) if gene.strand == "-" else range(1, len(gene.exons) + 1)
        )
        parts = [("gene", span, None), ("transcript", span, None)]
        parts += [("exon", exon, number) for exon, number in zip(gene.exons, order, strict=True)]
        for feature, (start, end), number in parts:
            rows.append(
                {
                    "seqname": gene.contig,
                    "source": "simulation",
                    "feature": feature,
                    "start": start + 1,
                    "end": end,
                    "score": ".",
                    "strand": gene.strand,
                    "frame": ".",
                    "gene_id": identifier,
                    "gene_name": gene.name,
                    "transcript_id": None if feature == "gene" else transcript,
                    "exon_number": None if number is None else str(number),
                }
            )
    return pd.DataFrame(rows)


def background_components(
    rng: np.random.Generator, ancestry: np.ndarray, family: np.ndarray, *, fst: float, n_markers=600
) -> np.ndarray:
    """First ten principal components of unlinked genotypes (n, 10), as ancestry PCs are made."""
    base = rng.uniform(0.1, 0.9, n_markers)
    n_ancestries = int(ancestry.max()) + 1
    if fst > 0:
        a, b = base * (1 - fst) / fst, (1 - base) * (1 - fst) / fst
        frequency = rng.beta(a, b, (n_ancestries, n_markers))
    else:
        frequency = np.tile(base, (n_ancestries, 1))
    n_families = int(family.max()) + 1
    of_family = np.zeros(n_families, dtype=int)
    of_family[family] = ancestry
    parents = rng.random((4, n_families, n_markers)) < frequency[of_family]
    first = np.where(
        rng.random((len(family), n_markers)) < 0.5, parents[0][family], parents[1][family]
    )
    second = np.where(
        rng.random((len(family), n_markers)) < 0.5, parents[2][family], parents[3][family]
    )
    dosage = first.astype(float) + second
    dosage -= dosage.mean(axis=0)
    spread = dosage.std(axis=0)
    left, values, _ = np.linalg.svd(dosage / np.where(spread > 0, spread, 1), full_matrices=False)
    return left[:, :10] * values[:10]
