"""How often the audit speaks: on clean cohorts, and where a block is made of the diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from neurogenomics_kb.calibration.cohorts import CohortSettings, make_recipe, simulate_tables
from neurogenomics_kb.calibration.violations import WARNING
from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses.audit import checks, proxies
from neurogenomics_kb.pipelines.integration.analyses.audit.context import Audit
from neurogenomics_kb.pipelines.integration.analyses.audit.looking import look_through
from neurogenomics_kb.pipelines.integration.analyses.audit.said_of_proxies import proxy_sentences
from neurogenomics_kb.pipelines.integration.analyses.audit.table import AUDIT
from neurogenomics_kb.pipelines.integration.analyses.audit.verdict import judge_audit
from neurogenomics_kb.pipelines.integration.design import cluster_labels
from neurogenomics_kb.simulate.outcome_blocks import (
    DiffuseBlock,
    SymptomScales,
    draw_diffuse,
    draw_scales,
)

ALARM, SILENT = 1.0, 0.0
PERMUTATIONS = 500


def audit_alarms(settings: CohortSettings, seed: int, **experiment: Any) -> dict[str, float]:
    """Does the audit of a cohort hold any artefact or caution? By what the sentences are about.

    Models are left out, whose sentences describe and warn of nothing.

    Parameters
    ----------
    settings : CohortSettings
        What is planted.
    seed : int
        Seed of the cohort.
    **experiment
        What differs in the experiment.

    Returns
    -------
    dict of str to float
        `ALARM` or `SILENT`.
    """
    chosen = {"n_permutations": PERMUTATIONS, **experiment}
    recipe = make_recipe(settings, analyses=["audit"], seed=seed, **chosen)
    cohort, blocks, folds = _assembled(recipe, *simulate_tables(settings, seed))
    projections, _ = nodes.project_blocks(recipe, cohort, blocks, folds)
    metrics = pd.DataFrame(columns=["model", "variant", "algorithm", "metric", "value"])
    table = checks.audit_run(
        recipe, cohort, blocks, folds["fold"], projections, metrics, pd.DataFrame(), pd.DataFrame()
    )
    said = [v for v in judge_audit(recipe, table) if v["level"] in ("artefact", "caution")]
    return {f"{WARNING}audit, any alarm": ALARM if said else SILENT}


@dataclass(frozen=True)
class OutcomeBlock:
    """A block that tells the diagnosis, in a cohort of otherwise independent people.

    Attributes
    ----------
    block : SymptomScales or DiffuseBlock
        What is drawn.
    """

    block: SymptomScales | DiffuseBlock


def proxy_alarms(settings: OutcomeBlock, seed: int, **experiment: Any) -> dict[str, float]:
    """`named_block` as a kind of the suite.

    Parameters
    ----------
    settings : OutcomeBlock
        What is drawn in the place of the brain.
    seed : int
        Seed of the cohort.
    **experiment
        What differs in the experiment.

    Returns
    -------
    dict of str to float
        `ALARM` or `SILENT`.
    """
    named, _ = named_block(settings, seed, **experiment)
    return {f"{WARNING}block named as part of the diagnosis": ALARM if named else SILENT}


def named_block(settings: OutcomeBlock, seed: int, **experiment: Any) -> tuple[bool, float]:
    """Is a block named as possibly part of how the diagnosis was made?

    Parameters
    ----------
    settings : OutcomeBlock
        What is drawn in the place of the brain.
    seed : int
        Seed of the cohort.
    **experiment
        What differs in the experiment.

    Returns
    -------
    named : bool
    auc : float
        Of the block's decoder.
    """
    plain = CohortSettings(n=settings.block.n, confounding=0.0)
    chosen = {"n_permutations": PERMUTATIONS, **experiment}
    recipe = make_recipe(plain, analyses=["audit"], seed=seed, **chosen)
    participants, features, quality = simulate_tables(plain, seed)
    draw = draw_scales if isinstance(settings.block, SymptomScales) else draw_diffuse
    diagnosis, values = draw(settings.block, seed)
    names = [f"smri__thickness__R{j}" for j in range(values.shape[1])]
    participants["diagnosis"] = diagnosis
    features["smri"] = pd.DataFrame(values, participants.index, names)
    cohort, blocks, folds = _assembled(recipe, participants, features, quality)
    audit = Audit(
        recipe, cohort, blocks, folds["fold"].loc[cohort.index].to_numpy(),
        cluster_labels(recipe, cohort), PERMUTATIONS,
    )  # fmt: skip
    looked = {name: look_through(audit, name, []) for name in blocks}
    rows = pd.DataFrame(proxies.proxy_rows(audit, looked), columns=list(AUDIT.names))
    said = [v for v in proxy_sentences(recipe, rows) if v["level"] == "caution"]
    named = any("block brain" in v["text"].lower() for v in said)
    auc = rows[(rows["check"] == proxies.BLOCK_CHECK) & (rows["block"] == "brain")]["value"]
    return named, float(auc.iloc[0])


def _assembled(recipe, participants, features, quality):
    """Cohort, blocks and folds, by the pipeline's nodes."""
    tables = [
        table for modality in nodes.MODALITIES for table in (features[modality], quality[modality])
    ]
    cohort, blocks, *_ = nodes.assemble_cohort(recipe, participants, *tables)
    folds, _ = nodes.split_folds(recipe, cohort)
    return cohort, blocks, folds
