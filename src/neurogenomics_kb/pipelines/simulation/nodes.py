"""Node of the simulation pipeline."""

from __future__ import annotations

from neurogenomics_kb.datasets import VcfContent
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.simulate import SimulationSettings, simulate_cohort


def write_cohort(simulation: SimulationSettings, cohort: str):
    """Raw tables of a simulated cohort, in the order of the pipeline's outputs."""
    if simulation.cohort != cohort:
        raise InputError(
            f"the simulation writes cohort '{simulation.cohort}', but the environment is "
            f"'{cohort}', whose raw files it would overwrite",
            column="simulation.cohort",
            remedy="Run it in the environment of a simulated cohort.",
        )
    simulated = simulate_cohort(simulation)
    lengths = {name: len(sequence) for name, sequence in simulated.contigs.items()}
    variants = VcfContent(lengths, simulated.variants, simulated.samples, simulated.genotypes)
    return (
        simulated.participants,
        simulated.contigs,
        simulated.annotation,
        variants,
        simulated.polygenic_scores,
        simulated.freesurfer,
        simulated.euler,
        simulated.timeseries,
        simulated.confounds,
        simulated.sidecar,
        simulated.truth,
    )
