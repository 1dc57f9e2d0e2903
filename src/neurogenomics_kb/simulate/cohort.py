"""Put a cohort together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.simulate import artefact, genome, imaging, people
from neurogenomics_kb.simulate.settings import Effects, SimulationSettings

BASE_MISSING = 0.005
BATCH_MISSING = 0.015


@dataclass(frozen=True)
class SimulatedCohort:
    """Everything that is written; names follow the raw catalog.

    Attributes
    ----------
    contigs : dict of str to str
    annotation, variants, participants, polygenic_scores, euler : DataFrame
    samples : list of str
    genotypes : ndarray of int8 (n_variants, n_samples, 2)
        −1 where missing.
    freesurfer, timeseries, confounds : dict of str to DataFrame
    sidecar, truth : dict
    """

    contigs: dict[str, str]
    annotation: pd.DataFrame
    variants: pd.DataFrame
    samples: list[str]
    genotypes: np.ndarray
    participants: pd.DataFrame
    polygenic_scores: pd.DataFrame
    freesurfer: dict[str, pd.DataFrame]
    euler: pd.DataFrame
    timeseries: dict[str, pd.DataFrame]
    confounds: dict[str, pd.DataFrame]
    sidecar: dict[str, Any]
    truth: dict[str, Any]


def simulate_cohort(settings: SimulationSettings) -> SimulatedCohort:
    """Simulate genomes, people, brains and diagnoses with a known truth.

    The random streams are taken in this order; the function is long so that it can be read.

    Parameters
    ----------
    settings : SimulationSettings
        Size, seed and effects of the cohort.

    Returns
    -------
    SimulatedCohort
        Equal settings give equal cohorts.
    """
    # A stream of its own for every part, so that changing one does not reshuffle the others.
    *first, last = np.random.default_rng(settings.seed).spawn(13)
    streams = iter(first)
    effects, n = settings.effects, settings.n_subjects
    fst = genome.FST * min(effects.ancestry, 1.0)
    contigs, genes = genome.simulate_genome(next(streams), 2, fst)
    failing = None
    if settings.artefact:
        genes, failing = artefact.plant_repeats(last, genes, contigs)
    folk = people.draw_people(next(streams), n)
    rng = next(streams)
    carried = {g.name: genome.inherit_haplotypes(rng, g, folk.ancestry, folk.family) for g in genes}

    by_name = {g.name: g for g in genes}
    causal = genome.causal_genes(genes)
    gene_axes = [
        people.gene_axis(
            [by_name[name].haplogroup[carried[name]].sum(axis=1) for name in names], folk.ancestry
        )
        for names in causal
    ]
    rng = next(streams)
    brain_axes = [people.brain_axis(rng, axis, folk.family, effects) for axis in gene_axes]
    rng = next(streams)
    liability = people.draw_liability(rng, folk, gene_axes, brain_axes, effects)
    case = liability > np.quantile(liability, 0.6)
    batch = people.draw_batch(rng, case, effects)
    income = people.draw_income(rng, liability, folk.age, effects)
    severity = 6 + 4 * people.standardise(liability) + 2 * rng.normal(size=n)

    rng = next(streams)
    ids = [f"sub-{i:04d}" for i in rng.permutation(n) + 1]
    components = genome.background_components(next(streams), folk.ancestry, folk.family, fst=fst)
    participants = pd.DataFrame(
        {
            "participant_id": ids,
            "age": folk.age,
            "sex": np.where(folk.male, "M", "F"),
            "site": np.array(people.SITES)[folk.site],
            "income": income,
            **{f"pc{k + 1}": np.round(components[:, k], 4) for k in range(10)},
            "sequencing_batch": np.array(people.BATCHES)[batch],
            "family_id": [f"fam-{f + 1:04d}" for f in folk.family],
            "mdd_diagnosis": case.astype(int),
            "phq9_score": np.clip(np.round(severity), 0, 27).astype(int),
        }
    )
    variants, genotypes = collect_genotypes(genes, carried)
    knock_out_calls(next(streams), genotypes, batch, effects, n_poor=max(1, n // 66))
    if failing is not None:
        artefact.fail_calls(last, genotypes, variants, by_name[failing], batch)

    rng = next(streams)
    scores = people.polygenic_scores(rng, gene_axes, folk, effects).round(4)
    scores.insert(0, "participant_id", ids)

    rng = next(streams)
    tables, _ = imaging.freesurfer_tables(rng, brain_axes, folk, effects)
    euler = imaging.euler_numbers(rng, n, n_poor=max(1, n // 80))
    euler.insert(0, "participant_id", ids)
    unscanned = set(rng.choice(n, max(1, n // 100), replace=False))
    scanned = np.array([i not in unscanned for i in range(n)])
    rng = next(streams)
    motion = imaging.mean_motion(rng, folk, case, effects, n_restless=max(1, n // 66))
    timeseries, confounds = simulate_runs(
        next(streams), settings, brain_axes[0], motion, folk.age, ids
    )
    order = np.argsort(ids)
    return SimulatedCohort(
        contigs=contigs,
        annotation=genome.annotation_table(genes),
        variants=variants,
        samples=[ids[i] for i in order],
        genotypes=genotypes[:, order],
        participants=participants.iloc[order].reset_index(drop=True),
        polygenic_scores=scores.iloc[order].reset_index(drop=True),
        freesurfer={name: by_subject(t, ids, scanned) for name, t in tables.items()},
        euler=euler[scanned].sort_values("participant_id", ignore_index=True),
        timeseries=timeseries,
        confounds=confounds,
        sidecar={"TaskName": "rest", "RepetitionTime": settings.repetition_time},
        truth=describe_truth(settings, by_name, causal, failing),
    )


def by_subject(table: pd.DataFrame, ids: list[str], rows: np.ndarray) -> pd.DataFrame:
    """Rows of the scanned subjects, indexed and sorted by subject; the index keeps its name."""
    return table.set_axis(pd.Index(ids, name=table.index.name))[rows].sort_index()


def collect_genotypes(genes, carried) -> tuple[pd.DataFrame, np.ndarray]:
    """Variant table and phased alleles (n_variants, n, 2), sorted along the genome."""
    tables, alleles = [], []
    for gene in genes:
        tables.append(gene.sites.assign(chrom=gene.contig))
        alleles.append(gene.founders[carried[gene.name]].transpose(2, 0, 1))
    variants = pd.concat(tables, ignore_index=True)
    genotypes = np.concatenate(alleles)
    order = variants.sort_values(["chrom", "pos"]).index.to_numpy()
    variants = variants.loc[order].reset_index(drop=True)
    variants["id"] = [f"sim{i + 1}" for i in range(len(variants))]
    return variants[["chrom", "pos", "id", "ref", "alt"]], genotypes[order].copy()


def knock_out_calls(
    rng: np.random.Generator,
    genotypes: np.ndarray,
    batch: np.ndarray,
    effects: Effects,
    *,
    n_poor: int,
) -> None:
    """Set calls to missing in place: at random, more in the last batch, many in a few subjects."""
    # Never above the demo's rate, or a strong effect would fail the whole batch in quality control.
    worse = BASE_MISSING + min(effects.batch, 1.0) * (BATCH_MISSING - BASE_MISSING)
    rate = np.where(batch == 2, worse, BASE_MISSING)
    rate[rng.choice(len(batch), n_poor, replace=False)] = rng.uniform(0.09, 0.14, n_poor)
    genotypes[rng.random(genotypes.shape[:2]) < rate] = -1


def simulate_runs(rng, settings: SimulationSettings, axis, motion, age, ids):
    """Resting-state runs of all but a few subjects."""
    model = imaging.RestingState(rng, settings.n_frames, settings.repetition_time)
    n = len(ids)
    without = set(rng.choice(n, max(1, n // 80), replace=False))
    timeseries, confounds = {}, {}
    for i, child in enumerate(rng.spawn(n)):
        if i not in without:
            years = (age[i] - 60) / 10
            timeseries[ids[i]], confounds[ids[i]] = model.run(
                child, axis[i], motion[i], years, settings.effects
            )
    return timeseries, confounds


def describe_truth(
    settings: SimulationSettings, genes, causal, failing: str | None
) -> dict[str, Any]:
    """What was planted; no row of anybody."""
    axes = []
    for k, names in enumerate(causal):
        markers = {}
        for name in names:
            gene = genes[name]
            second, first = gene.founders[gene.haplogroup == 1], gene.founders[gene.haplogroup == 0]
            fixed = (second.min(axis=0) == 1) & (first.max(axis=0) == 0)
            markers[name] = [f"{gene.contig}:{p}" for p in gene.sites.loc[fixed, "pos"]]
        axes.append(
            {
                "genes": names,
                "haplogroup_markers": markers,
                "regions": {"thickness": imaging.AXIS_THICKNESS}
                if k == 0
                else {"aseg_volume": imaging.AXIS_SUBCORTICAL, "volume": imaging.AXIS_VOLUME},
                "edges": imaging.axis_edges() if k == 0 else [],
            }
        )
    planted = {}
    if failing is not None:
        planted["artefact"] = {
            "gene": failing,
            "batch": people.BATCHES[artefact.BATCH],
            "missing": artefact.MISSING_IN_BATCH,
        }
    return {
        **planted,
        "note": "Simulated people. Effects are far larger than in nature, so that a few hundred "
        "subjects show them.",
        "gene_brain_correlation": people.gene_brain_correlation(settings.effects),
        "axes": axes,
        "settings": settings.model_dump(exclude={"cohort", "artefact"}),
    }
