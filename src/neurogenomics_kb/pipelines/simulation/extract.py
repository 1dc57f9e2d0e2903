"""Write a simulated UK Biobank extract into a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np

from neurogenomics_kb.datasets import (
    FastaDataset,
    FreeSurferTablesDataset,
    GtfDataset,
    VcfContent,
    VcfDataset,
)
from neurogenomics_kb.extracts.fields import Spelling
from neurogenomics_kb.pipelines.simulation.folder import refuse_used
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cohorts import find_dataset
from neurogenomics_kb.simulate import SimulationSettings, simulate_cohort
from neurogenomics_kb.simulate.cohort import SimulatedCohort
from neurogenomics_kb.simulate.ukb import UkbExtract, express_extract, write_table

Ending = Literal["csv", "tsv", "parquet"]


def write_extract(
    folder: Path,
    settings: SimulationSettings,
    *,
    kb: Path = Path("kb"),
    n_filler: int = 40,
    spelling: Spelling = "platform",
    ending: Ending = "csv",
) -> UkbExtract:
    """Write everything that the environment ``ukb`` can read.

    Parameters
    ----------
    folder : Path
        New or empty; people's data are never overwritten.
    settings : SimulationSettings
        Size, seed and effects of the cohort.
    kb : Path
        Knowledge base whose card of the cohort says which fields there are.
    n_filler : int
        Fields that no card maps.
    spelling : {"platform", "showcase"}
        How the extract spells field names. Default platform.
    ending : {"csv", "tsv", "parquet"}
        Format of the field tables.

    Raises
    ------
    InputError
        If the folder holds anything.
    """
    refuse_used(folder)
    tables = find_dataset(Registry(kb), "ukb").tables
    cohort = simulate_cohort(settings)
    extract = express_extract(
        cohort, tables, seed=settings.seed, n_filler=n_filler, spelling=spelling
    )
    for name, table in extract.tables.items():
        write_table(table, folder / "tables" / f"{name}.{ending}")
    (folder / "withdrawn").mkdir()
    (folder / "withdrawn/w00000_20260101.csv").write_text("\n".join(extract.withdrawn) + "\n")
    extract.kinship.to_csv(folder / "ukb_rel.dat", sep=" ", index=False)
    write_genome(folder / "genomics", cohort, extract)
    write_brain(folder, cohort, extract)
    return extract


def write_genome(folder: Path, cohort: SimulatedCohort, extract: UkbExtract) -> None:
    """Reference, annotation, variants without withdrawn people, scores, embeddings."""
    FastaDataset(filepath=str(folder / "reference.fa")).save(cohort.contigs)
    GtfDataset(filepath=str(folder / "annotation.gtf")).save(cohort.annotation)
    eids = [extract.ids[sample] for sample in cohort.samples]
    kept = np.array([eid not in extract.withdrawn for eid in eids])
    lengths = {name: len(sequence) for name, sequence in cohort.contigs.items()}
    samples = [eid for eid, keep in zip(eids, kept, strict=True) if keep]
    content = VcfContent(lengths, cohort.variants, samples, cohort.genotypes[:, kept])
    VcfDataset(filepath=str(folder / "variants.vcf.gz")).save(content)
    extract.scores.to_csv(folder / "polygenic_scores.csv", index=False)
    extract.embeddings.to_parquet(folder / "genetics_embeddings.parquet", index=False)


def write_brain(folder: Path, cohort: SimulatedCohort, extract: UkbExtract) -> None:
    """FreeSurfer tables and parcel time series, for choices other than the fields."""
    tables = {
        name: table.set_axis(table.index.map(extract.ids).rename(table.index.name))
        for name, table in cohort.freesurfer.items()
    }
    FreeSurferTablesDataset(filepath=str(folder / "freesurfer"), tables={}).save(tables)
    for part, runs, suffix in (
        ("timeseries", cohort.timeseries, "_task-rest_timeseries.tsv"),
        ("fmriprep", cohort.confounds, "_task-rest_desc-confounds_timeseries.tsv"),
    ):
        (folder / part).mkdir()
        for subject, table in runs.items():
            table.to_csv(
                folder / part / f"{extract.ids[subject]}{suffix}",
                sep="\t", na_rep="n/a", index=False, float_format="%.4g",
            )  # fmt: skip
    (folder / "task-rest_bold.json").write_text(json.dumps(cohort.sidecar))
