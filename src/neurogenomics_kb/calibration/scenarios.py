"""Scenarios that break an assumption, with and without the remedy."""

from __future__ import annotations

from dataclasses import replace

from neurogenomics_kb.calibration.scenario import Scenario
from neurogenomics_kb.calibration.violations import remedy_p_values, violation_p_values
from neurogenomics_kb.simulate.violations import Violation

CARD = "CCA, first component, as on the card"
RICH = "CCA, first component, with curves and interactions"
HELD_OUT = "CCA, held-out correlation"
SIZES = (1, 1, 2, 3, 4, 8)
BROKEN = {
    "age² on both sides": Violation(age_squared=0.6),
    "age × site on both sides": Violation(age_by_site=0.7),
    "sex × age on both sides": Violation(sex_by_age=1.0),
    "sites of SD 0.5, 1, 2, 4": Violation(site_scales=(0.5, 1, 2, 4)),
    "sites of SD 1, 1.15, 1.3, 1.5": Violation(site_scales=(1, 1.15, 1.3, 1.5)),
    "one noise scale per person": Violation(person_scale=0.35),
    "shared multivariate t(3)": Violation(tails=3),
    "families of 1–8, unequal likeness": Violation(family_sizes=SIZES, likeness=(0.2, 0.95)),
    "sibships in extended families, named flat": Violation(extended=(0.4, 0.4, 0.2)),
}
CLEAN = {
    "clean": Violation(),
    "age² on one side": Violation(age_squared=0.6, one_sided=True),
    "families of 1–8, one likeness": Violation(family_sizes=SIZES, likeness=(0.5,)),
}
AXES = {f"clean, true axis of {r}": Violation(axis=r) for r in (0.3, 0.5, 0.7)}
NESTED = {"exchangeability": [{"column": "family_id"}, {"column": "pair_id"}]}
REMEDIED = {
    name: (BROKEN[name], {"unit_rows": True})
    for name in (
        "sites of SD 0.5, 1, 2, 4", "sites of SD 1, 1.15, 1.3, 1.5", "one noise scale per person",
        "shared multivariate t(3)", "families of 1–8, unequal likeness",
    )
}  # fmt: skip

VIOLATIONS: dict[str, Scenario] = {
    **{name: Scenario(settings, violation_p_values) for name, settings in CLEAN.items()},
    **{
        name: Scenario(settings, violation_p_values, "power") for name, settings in AXES.items()
    },
    **{
        name: Scenario(settings, violation_p_values, "violation")
        for name, settings in BROKEN.items()
    },
    **{
        f"{name}, rows of one length": Scenario(settings, remedy_p_values, experiment=remedy)
        for name, (settings, remedy) in REMEDIED.items()
    },
    "clean, rows of one length": Scenario(
        Violation(), remedy_p_values, experiment={"unit_rows": True}
    ),
    "clean, true axis of 0.3, rows of one length": Scenario(
        replace(AXES["clean, true axis of 0.3"]), remedy_p_values, "power",
        experiment={"unit_rows": True},
    ),
    "sibships in extended families, named nested": Scenario(
        BROKEN["sibships in extended families, named flat"], remedy_p_values, experiment=NESTED
    ),
}  # fmt: skip
