"""Cohorts that break an assumption, through the pipeline's nodes: p-values and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from neurogenomics_kb.calibration.cohorts import CohortSettings, make_recipe
from neurogenomics_kb.calibration.runs import prepare_tables
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.integration.analyses.assumptions.nodes import check_assumptions
from neurogenomics_kb.pipelines.integration.analyses.assumptions.present import (
    judge_assumptions,
)
from neurogenomics_kb.pipelines.integration.analyses.assumptions.tables import CAUTION
from neurogenomics_kb.pipelines.integration.analyses.cca.nodes import infer_canonical_correlations
from neurogenomics_kb.simulate.violations import Violated, Violation, simulate_violation

WARNED = "warning: "


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
    related = settings.extended is not None or max(settings.family_sizes) > 1
    shape = CohortSettings(ancestry=0, family_sizes=(1, 2) if related else (1,))
    recipe = make_recipe(shape, **{"analyses": ["cca"], "seed": seed, "n_permutations": 199,
                                   **experiment})  # fmt: skip
    participants, features = tables_of(simulate_violation(settings, seed))
    run = prepare_tables(recipe, participants, features)
    cca = infer_canonical_correlations(recipe, run["cohort"], run["blocks"], run["folds"])[0]
    checks, sensitivity = check_assumptions(recipe, run["cohort"], run["blocks"], cca)
    first = sensitivity[sensitivity["component"] == 1].set_index("design")["p_adjusted"]
    # Values of 0 count as hits, as p-values do: 0 where the run warns, 1 where it does not.
    silent = {f"{WARNED}{check}": float(not (rows["answer"] == CAUTION).any())
              for check, rows in checks.groupby("check")}  # fmt: skip
    verdict = judge_assumptions(recipe, checks, sensitivity)
    return {
        **{f"CCA, first component, {design}": p for design, p in first.items()},
        "CCA, held-out correlation": cca.iloc[0]["p_held_out_adjusted"],
        **silent,
        f"{WARNED}any": float(not any(v["level"] == CAUTION for v in verdict)),
    }
