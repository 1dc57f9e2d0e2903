"""The ladder's own nodes on cohorts that are drawn by `neurogenomics_kb.simulate.ladder`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import SUBJECT, parse_feature_name
from neurogenomics_kb.pipelines.integration.analyses.ladder import nodes
from neurogenomics_kb.pipelines.integration.cohort import MODALITIES, assemble_cohort
from neurogenomics_kb.pipelines.integration.decision import decide_escalation
from neurogenomics_kb.pipelines.integration.projection import project_blocks
from neurogenomics_kb.registry.cards import (
    AlignmentStrategy,
    Column,
    DatasetCard,
    EmbeddingStrategy,
    Experiment,
    HarmonizationMethod,
    Table,
)
from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.simulate.ladder import LadderCohort
from neurogenomics_kb.stats.prediction.folds import make_folds

MODALITY = {"gene": "genomics", "brain": "smri"}


def ladder_recipe(drawn: LadderCohort, rungs: dict[str, dict[str, Any]], **more: Any) -> Recipe:
    """Recipe of both blocks as they are, and rungs by name with their options."""
    cards = {
        name: AlignmentStrategy(id=name, stage="stacking", objective="Tried.", rung=options)
        for name, options in rungs.items()
    }
    strategies = {}
    for name, table in drawn.blocks.items():
        groups = list(dict.fromkeys(parse_feature_name(c).group for c in table.columns))
        projector = more.get("projectors", {}).get(name, {"type": "none"})
        strategies[name] = EmbeddingStrategy(
            id=f"{name}_v1",
            modality=MODALITY[name],
            features=groups,
            preprocessing=[{"step": "zscore"}],
            projector=projector,
        )
    columns = {
        "family": Column(name="family", type="text"),
        "ill": Column(name="ill", type="binary"),
    }
    group = None if drawn.groups is None else "family"
    experiment = Experiment(
        id="ladder",
        dataset="drawn",
        blocks={name: f"{name}_v1" for name in drawn.blocks},
        outcome="ill",
        folds={
            "scheme": "stratified" if group is None else "stratified_grouped",
            "n_splits": more.get("n_splits", 5),
            "group": group,
        },
        analyses=["prediction", "ladder"],
        algorithms=[{"type": "linear", **SMALL["linear"]}],
        ladder=list(rungs),
        incomplete=more.get("incomplete", "drop"),
    )
    needed = {n for card in cards.values() for n in card.rung.predictors}
    return Recipe(
        cohort="drawn",
        experiment=experiment,
        blocks=strategies,
        harmonization=HarmonizationMethod(id="none_baseline"),
        dataset=DatasetCard(
            id="drawn", cohort="drawn", tables={"people": Table(file="p.tsv", columns=columns)}
        ),
        encoders={},
        rungs=cards,
        rung_predictors={n: small(n) for n in needed},
        cards={},
    )


# One setting each, where a search would take most of the time of a test.
SMALL = {
    "linear": {"strengths": [0.1]},
    "knn": {"n_neighbors": [15]},
    "xgboost": {"n_estimators": 60, "early_stopping_rounds": 5, "learning_rate": 0.2},
    "product_kernel": {"strengths": [0.1]},
}


def small(name: str):
    """Options of a predictor with little to choose."""
    return PREDICTORS.validate({"type": name, **SMALL.get(name, {})})


def tables_of(drawn: LadderCohort):
    """Participants, features and quality, people without an outcome at the end."""
    labelled = next(iter(drawn.blocks.values())).index
    others = next(iter(drawn.unlabelled.values())).index if drawn.unlabelled else labelled[:0]
    index = labelled.append(others)
    participants = pd.DataFrame({"ill": np.nan, "family": [f"u{i}" for i in range(len(index))]},
                                index=index.rename(SUBJECT))  # fmt: skip
    participants.loc[labelled, "ill"] = drawn.y.astype(float)
    if drawn.groups is not None:
        families = [*drawn.groups]
        if drawn.unlabelled_groups is not None:
            families += [*drawn.unlabelled_groups]
        participants["family"] = [f"f{g}" for g in families]
    features, quality = {}, {}
    for name, table in drawn.blocks.items():
        whole = pd.concat([table, drawn.unlabelled[name]]) if drawn.unlabelled else table
        whole = whole[whole.notna().any(axis=1)].rename_axis(SUBJECT)
        features[MODALITY[name]] = whole
        quality[MODALITY[name]] = pd.DataFrame({"included": True, "reason": ""}, index=whole.index)
    nothing = pd.DataFrame(index=pd.Index([], name=SUBJECT))
    for modality in MODALITIES:
        features.setdefault(modality, nothing)
        quality.setdefault(modality, nothing)
    return participants, features, quality


def run_ladder(drawn: LadderCohort, rungs: dict[str, dict[str, Any]], **more: Any) -> dict:
    """Tables of the ladder by name, the decision, and the recipe."""
    recipe = ladder_recipe(drawn, rungs, **more)
    participants, features, quality = tables_of(drawn)
    cohort, blocks, *_ = assemble_cohort(recipe, participants, features, quality)
    design = recipe.experiment.folds
    folds = more.get("folds")
    made = make_folds(
        cohort["ill"],
        groups=None if design.group is None else cohort[design.group],
        scheme=design.scheme,
        n_splits=design.n_splits,
        seed=design.seed,
    ).loc[cohort.index].to_frame()  # fmt: skip
    folds = made if folds is None else folds
    projections, _ = project_blocks(recipe, cohort, blocks, folds)
    modalities = [t for m in MODALITIES for t in (features[m], quality[m])]
    found = nodes.climb_ladder(
        recipe, cohort, folds, projections, blocks, participants, *modalities
    )
    tables = dict(zip(nodes.OUTPUTS, found, strict=True))
    for name, contract in nodes.OUTPUTS.items():
        contract.check(tables[name])
    decision = decide_escalation(recipe, cohort, tables["ladder_rungs"], tables["ladder_choice"])
    return {**tables, "decision": decision, "recipe": recipe, "cohort": cohort, "folds": folds}
