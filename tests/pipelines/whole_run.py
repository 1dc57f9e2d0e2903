"""The integration and reporting pipelines in memory, on tables instead of files."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.integration.nodes import MODALITIES
from neurogenomics_kb.pipelines.integration.pipeline import create_pipeline
from neurogenomics_kb.pipelines.integration.projection import Streamed
from neurogenomics_kb.pipelines.reporting.pipeline import create_pipeline as create_reporting
from neurogenomics_kb.pipelines.reporting.view import ReportView
from neurogenomics_kb.registry.recipe import Recipe


class Kept(MemoryDataset):
    """A dataset that stays when the last node has read it."""

    def save(self, data: Any) -> None:
        """Make what is made while it is stored, as datasets on disk do."""
        data = dict(data.items()) if isinstance(data, Streamed) else data
        # Below the check that refuses None, which stands for what was not collected.
        MemoryDataset.save.__wrapped__(self, data() if callable(data) else data)

    def _release(self) -> None:
        """Keep the data."""


def run_whole(
    recipe: Recipe, participants: pd.DataFrame, features: dict[str, pd.DataFrame]
) -> tuple[ReportView, dict[str, Any]]:
    """View of the report, and every dataset of the integration, from the pipeline's own nodes."""
    nothing = pd.DataFrame(index=pd.Index([], name=SUBJECT))
    given: dict[str, Any] = {
        "recipe": recipe,
        "participants": participants,
        "harmonization_manifest": None,
        "reporting.reference_maps": pd.DataFrame(),
        "reporting.sphere": {},
        "reporting.regions": {},
        "genomics.gene_call_rates": pd.DataFrame(),
        "genomics.haplotype_index": pd.DataFrame(columns=["sample", "region_id"]),
    }
    for modality in MODALITIES:
        table = features.get(modality, nothing)
        quality = pd.DataFrame({"included": True, "reason": ""}, index=table.index)
        given[f"{modality}.features"] = table
        given[f"{modality}.quality"] = quality if len(table) else nothing
    pipeline = create_pipeline() + create_reporting().to_nodes("reporting.build_view")
    catalog = DataCatalog({name: Kept(value) for name, value in given.items()})
    for name in pipeline.all_outputs():
        catalog[name] = Kept()
    SequentialRunner().run(pipeline, catalog)
    found = {name: catalog.load(name) for name in pipeline.all_outputs()}
    return found["reporting.view"], found
