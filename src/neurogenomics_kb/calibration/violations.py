"""Cohorts that break an assumption, through the pipeline's nodes: p-values and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from neurogenomics_kb.calibration.cohorts import CohortSettings, make_recipe
from neurogenomics_kb.calibration.runs import prepare_tables
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.integration.analyses.assumptions.checks import (
    AS_ON_CARD,
    ENRICHED,
)
from neurogenomics_kb.pipelines.integration.analyses.assumptions.nodes import check_assumptions
from neurogenomics_kb.pipelines.integration.analyses.assumptions.present import (
    judge_assumptions,
)
from neurogenomics_kb.pipelines.integration.analyses.assumptions.tables import CAUTION
from neurogenomics_kb.pipelines.integration.analyses.cca.nodes import infer_canonical_correlations
from neurogenomics_kb.simulate.violations import Violated, Violation, simulate_violation

WARNING = "warning: "


def tables_of(cohort: Violated) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Participants and features of a cohort, as the modality pipelines give them.

    Parameters
    ----------
    cohort : Violated
        Blocks and people.
    """
    ids = pd.Index([f"sub-{i:05d}" for i in range(len(cohort.age))], name=SUBJECT)
    participants = pd.DataFrame(
        {
            "age": 60 + 10 * cohort.age,
            "sex": ["male" if m else "female" for m in cohort.male],
            "site": [f"site{s}" for s in cohort.site],
            "batch": "b0",
            "family_id": [f"fam{f}" for f in cohort.family],
            "pair_id": [f"pair{f}" for f in cohort.pair],
            "diagnosis": (cohort.male + cohort.age > 0.5).astype(float),
            "score": cohort.age,
        },
        index=ids,
    )
    names = {
        "genomics": [f"genomics__kmer__G{k}__f0" for k in range(cohort.x.shape[1])],
        "smri": [f"smri__thickness__R{k}" for k in range(cohort.y.shape[1])],
    }
    blocks = {"genomics": cohort.x, "smri": cohort.y}
    return participants, {
        modality: pd.DataFrame(blocks[modality], index=ids, columns=columns)
        for modality, columns in names.items()
    }


def _run(settings: Violation, seed: int, experiment: Mapping[str, Any]):
    """Recipe, cohort, blocks and folds, and the canonical correlations of the card's design."""
    related = settings.extended is not None or max(settings.family_sizes) > 1
    shape = CohortSettings(ancestry=0, family_sizes=(1, 2) if related else (1,))
    defaults = {"n_permutations": 199, "max_permutations": 199}
    recipe = make_recipe(
        shape,
        text_columns=("pair_id",),
        **{"analyses": ["cca"], "seed": seed, **defaults, **experiment},
    )
    participants, features = tables_of(simulate_violation(settings, seed))
    run = prepare_tables(recipe, participants, features)
    cca = infer_canonical_correlations(recipe, run["cohort"], run["blocks"], run["folds"])[0]
    return recipe, run, cca


def violation_p_values(settings: Violation, seed: int, **experiment: Any) -> Mapping[str, float]:
    """P-values of the first component on every design, and whether the run warns.

    Parameters
    ----------
    settings : Violation
        What is planted.
    seed : int
        Seed of the cohort.
    **experiment
        What differs in the experiment.
    """
    recipe, run, cca = _run(settings, seed, experiment)
    checks, sensitivity = check_assumptions(recipe, run["cohort"], run["blocks"], cca)
    first = sensitivity[sensitivity["component"] == 1].set_index("design")["p_adjusted"]
    answers = checks.groupby("check")["answer"].agg(lambda a: float((a == CAUTION).any()))
    verdict = judge_assumptions(recipe, checks, sensitivity)
    return {
        "CCA, first component, as on the card": first[AS_ON_CARD],
        "CCA, first component, with curves and interactions": first[ENRICHED],
        "CCA, held-out correlation": cca.iloc[0]["p_held_out_adjusted"],
        **{f"{WARNING}{check}": warned for check, warned in answers.items()},
        f"{WARNING}any of these": float(any(v["level"] == CAUTION for v in verdict)),
    }


def remedy_p_values(settings: Violation, seed: int, **experiment: Any) -> Mapping[str, float]:
    """P-values where the experiment names a remedy.

    Parameters
    ----------
    settings : Violation
        What is planted.
    seed : int
        Seed of the cohort.
    **experiment
        The remedy.
    """
    first = _run(settings, seed, experiment)[2].iloc[0]
    return {
        "CCA, first component": first["p_adjusted"],
        "CCA, held-out correlation": first["p_held_out_adjusted"],
    }
