"""Node of the simulation pipeline."""

from __future__ import annotations

from neurogenomics_kb.datasets import VcfContent
from neurogenomics_kb.simulate import SimulationSettings, simulate_cohort


def write_cohort(simulation: SimulationSettings):
    """Raw tables of a simulated cohort, in the order of the pipeline's outputs."""
    cohort = simulate_cohort(simulation)
    lengths = {name: len(sequence) for name, sequence in cohort.contigs.items()}
    variants = VcfContent(lengths, cohort.variants, cohort.samples, cohort.genotypes)
    return (
        cohort.participants,
        cohort.contigs,
        cohort.annotation,
        variants,
        cohort.polygenic_scores,
        cohort.freesurfer,
        cohort.euler,
        cohort.timeseries,
        cohort.confounds,
        cohort.sidecar,
        cohort.truth,
    )
