"""The ladder on drawn cohorts, through the pipeline's own nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from neurogenomics_kb.calibration.runs import prepare_tables
from neurogenomics_kb.foundation.naming import SUBJECT, parse_feature_name
from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses.ladder import nodes as ladder
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
from neurogenomics_kb.simulate.ladder import LadderCohort, additive, structured_missingness

MODALITY = {"gene": "genomics", "brain": "smri"}
OUTCOME = "ill"
# One setting each, where a search would take most of the time of a small cohort.
SMALL: dict[str, dict[str, Any]] = {
    "linear": {"strengths": [0.1]},
    "knn": {"n_neighbors": [15]},
    "xgboost": {"n_estimators": 60, "early_stopping_rounds": 5, "learning_rate": 0.2},
    "product_kernel": {"strengths": [0.1]},
}
# The choice is what is put to the test, so rungs that are fitted in no time serve.
RUNGS: dict[str, dict[str, Any]] = {
    "neighbours": {"type": "predictor", "predictor": "knn"},
    "product kernel": {"type": "predictor", "predictor": "product_kernel"},
    "pooled tokens": {"type": "pooled_tokens"},
}


@dataclass(frozen=True)
class NullLadder:
    """Cohorts in which no rung is worth anything.

    Attributes
    ----------
    n : int
        People.
    families : bool
        Whether they have siblings, alike in blocks and outcome.
    missing : bool
        Whether who lacks a block follows the outcome.
    effect : float
        Log odds by an axis of each block, which late fusion takes in full; 0 for none.
    """

    n: int = 200
    effect: float = 0.0
    families: bool = False
    missing: bool = False

    def draw(self, seed: int) -> LadderCohort:
        """One cohort.

        Parameters
        ----------
        seed : int
            Seed of the cohort.
        """
        if self.missing:
            return structured_missingness(
                self.n, tokens=4, components=2, seed=seed, families=self.families
            )
        return additive(self.n, p=8, effect=self.effect, seed=seed, families=self.families)


def small_predictor(name: str):
    """Options of a predictor with little to choose."""
    return PREDICTORS.validate({"type": name, **SMALL.get(name, {})})


def ladder_recipe(
    drawn: LadderCohort,
    rungs: Mapping[str, Mapping[str, Any]],
    *,
    n_splits: int = 5,
    incomplete: Literal["drop", "mask"] = "drop",
    projectors: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 42,
) -> Recipe:
    """Recipe of a drawn cohort's blocks and of rungs; long, since it is every card of a run.

    Parameters
    ----------
    drawn : LadderCohort
        From `simulate.ladder`.
    rungs : mapping of str to mapping
        Options of every rung by name.
    n_splits : int
        Folds. Default 5.
    incomplete : {"drop", "mask"}
        What happens to people who lack a block. Default drop.
    projectors : mapping, optional
        Projector of a block, by default none.
    seed : int
        Seed of folds and rungs. Default 42.
    """
    stages = {"predictor": "interaction", "two_towers": "two_tower_contrastive",
              "hub_tokens": "hub_tokens", "pooled_tokens": "hub_tokens"}  # fmt: skip
    cards = {
        f"rung_{i}": AlignmentStrategy(
            id=f"rung_{i}", title=name, stage=stages.get(options["type"], "stacking"),
            objective="Drawn.", rung=dict(options),
        )
        for i, (name, options) in enumerate(rungs.items())
    }  # fmt: skip
    cards = dict(zip(rungs, cards.values(), strict=True))
    strategies = {}
    for name, table in drawn.blocks.items():
        groups = list(dict.fromkeys(parse_feature_name(c).group for c in table.columns))
        strategies[name] = EmbeddingStrategy(
            id=f"{name}_v1",
            modality=MODALITY[name],
            features=groups,
            preprocessing=[{"step": "zscore"}],
            projector=(projectors or {}).get(name, {"type": "none"}),
        )
    columns = {"family": Column(name="family", type="text"),
               OUTCOME: Column(name=OUTCOME, type="binary")}  # fmt: skip
    group = None if drawn.groups is None else "family"
    experiment = Experiment(
        id="ladder",
        dataset="drawn",
        blocks={name: f"{name}_v1" for name in drawn.blocks},
        outcome=OUTCOME,
        folds={
            "scheme": "stratified" if group is None else "stratified_grouped",
            "n_splits": n_splits,
            "group": group,
            "seed": seed,
        },
        analyses=["prediction", "ladder"],
        algorithms=[{"type": "linear", **SMALL["linear"]}],
        ladder=[f"rung_{i}" for i in range(len(rungs))],
        incomplete=incomplete,
        n_permutations=99,
        seed=seed,
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
        rung_predictors={n: small_predictor(n) for n in needed},
        cards={},
    )


def tables_of(drawn: LadderCohort) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Participants, people without an outcome among them, and features by modality."""
    labelled = next(iter(drawn.blocks.values())).index
    others = next(iter(drawn.unlabelled.values())).index if drawn.unlabelled else labelled[:0]
    index = labelled.append(others).rename(SUBJECT)
    people = pd.DataFrame({OUTCOME: np.nan, "family": [f"u{i}" for i in range(len(index))]}, index)
    people.loc[labelled, OUTCOME] = drawn.y.astype(float)
    if drawn.groups is not None:
        more = [] if drawn.unlabelled_groups is None else drawn.unlabelled_groups
        people["family"] = [f"f{g}" for g in (*drawn.groups, *more)]
    features = {}
    for name, table in drawn.blocks.items():
        whole = pd.concat([table, drawn.unlabelled[name]]) if drawn.unlabelled else table
        features[MODALITY[name]] = whole[whole.notna().any(axis=1)].rename_axis(SUBJECT)
    return people, features


def run_ladder(
    drawn: LadderCohort,
    rungs: Mapping[str, Mapping[str, Any]],
    folds: pd.DataFrame | None = None,
    changed: Callable[[Recipe], Recipe] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Tables of the ladder by name, its decision, recipe, cohort and folds.

    Parameters
    ----------
    drawn : LadderCohort
        From `simulate.ladder`.
    rungs : mapping of str to mapping
        Options of every rung by name.
    folds : DataFrame, optional
        Folds to be used instead of new ones.
    changed : callable, optional
        What is done to the recipe before it runs.
    **settings
        Of `ladder_recipe`.
    """
    recipe = ladder_recipe(drawn, rungs, **settings)
    recipe = recipe if changed is None else changed(recipe)
    participants, features = tables_of(drawn)
    run = prepare_tables(recipe, participants, features)
    used = run["folds"] if folds is None else folds
    projections, _ = nodes.project_blocks(recipe, run["cohort"], run["blocks"], used)
    found = ladder.climb_ladder(
        recipe, run["cohort"], used, projections, run["blocks"], participants, *run["tables"]
    )
    tables = dict(zip(ladder.OUTPUTS, found, strict=True))
    for name, contract in ladder.OUTPUTS.items():
        contract.check(tables[name])
    decision = nodes.decide_escalation(
        recipe, run["cohort"], tables["ladder_rungs"], tables["ladder_choice"]
    )
    return {**run, **tables, "folds": used, "decision": decision}


def ladder_p_values(settings: NullLadder, seed: int) -> Mapping[str, float]:
    """p of the choice over late fusion, and the largest of the conditions that the rule sets.

    Where who lacks a block follows the outcome, rungs that see gaps truly predict, so there only
    the decision is a null hypothesis.

    Parameters
    ----------
    settings : NullLadder
        What is drawn.
    seed : int
        Seed of the cohort.
    """
    incomplete: Literal["drop", "mask"] = "mask" if settings.missing else "drop"
    found = run_ladder(settings.draw(seed), RUNGS, incomplete=incomplete, seed=seed)
    line = found["ladder_choice"].iloc[0]
    conditions = [line["p_raw"], line["p_chance"], *([] if np.isnan(line["p_masks"]) else
                                                     [line["p_masks"]])]  # fmt: skip
    decision = float(np.max(conditions))
    assert (decision < 0.05 and line["difference"] > 0) == found["decision"]["escalate"]
    if settings.missing:
        return {"ladder, decision": decision}
    return {"ladder, choice over late fusion": line["p_raw"], "ladder, decision": decision}
