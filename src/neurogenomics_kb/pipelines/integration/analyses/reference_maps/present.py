"""What the comparison with reference maps says in report, card and tracking."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.view import (
    Note,
    Part,
    Section,
    Statement,
    Table,
    finite,
    format_p,
    head,
    number,
    p_cell,
    row,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe

NAME = "reference_maps"


def present_maps(recipe: Recipe, comparisons: pd.DataFrame) -> Part:
    """Sentences, table and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    comparisons : DataFrame
        Table of the analysis.
    """
    if NAME not in recipe.experiment.analyses:
        return Part(analysis=NAME)
    if comparisons.empty:
        return Part(
            analysis=NAME,
            cautions=[
                "Reference maps: not told, since the catalog has none "
                "(reporting.reference_maps), or none of their regions is a feature of an axis."
            ],
        )
    alpha = recipe.experiment.alpha
    tested = comparisons[comparisons["p_raw"].notna()]
    return Part(
        analysis=NAME,
        findings=_findings(tested, alpha),
        sections=[
            Section(
                id="reference-maps",
                title="Reference maps",
                items=[
                    _table(comparisons, alpha),
                    Note(
                        text="Correlation of the loadings of an axis with a published map, over "
                        "regions. Neighbouring regions resemble one another, so p comes from "
                        "surrogates of the map of loadings that are as smooth as it "
                        f"({_method(comparisons)}). The last column is what a test would say that "
                        "takes regions as independent; it is no result. The sign of an axis is "
                        "arbitrary."
                    ),
                ],
            )
        ],
        statements=[
            Statement(
                test=f"{r.block}, {r.group}, component {r.component} of {r.x} and {r.y}, with "
                f"the map {r.map}",
                measure="correlation over regions",
                estimate=finite(r.correlation),
                p_raw=finite(r.p_raw),
                p_adjusted=finite(r.p_adjusted),
                adjustment=r.adjustment,
            )
            for r in tested.itertuples()
        ],
        metrics={
            f"reference_maps/{r.x}/{r.y}/{r.component}/{r.block}/{r.group}/{r.map}/{field}": float(
                getattr(r, field)
            )
            for r in tested.itertuples()
            for field in ("correlation", "p_adjusted")
        },
    )


def _findings(tested: pd.DataFrame, alpha: float) -> list[str]:
    """One sentence: how many maps are alike, and the most alike."""
    if tested.empty:
        return []
    passed = int((tested["p_adjusted"] < alpha).sum())
    first = tested.loc[tested["p_raw"].idxmin()]
    return [
        f"{passed} of {len(tested)} comparisons of an axis with a reference map pass, smoothness "
        f"of the maps allowed for; the smallest p has {first['map']} with {first['group']} of "
        f"{first['block']} (component {first['component']} of {first['x']} and {first['y']}): "
        f"r = {first['correlation']:+.2f} over {first['n_regions']} regions, "
        f"{format_p(first['p_adjusted'])}."
    ]


def _method(comparisons: pd.DataFrame) -> str:
    """Null model in words."""
    words = {
        "moran": "Moran spectral randomisation",
        "spin": "random rotations of the spherical surface, regions assigned one to one",
        "spin nearest": "random rotations of the spherical surface, nearest region",
    }
    return words[comparisons["method"].iloc[0]]


def _table(comparisons: pd.DataFrame, alpha: float) -> Table:
    """Every comparison."""
    return Table(
        name="reference maps",
        head=[
            *head(["pair", "block", "measure", "map"],
                  ["component", "r", "p", "p, adjusted", "MC error", "regions", "regions lost",
                   "p, regions taken as independent"]),
            *head(["note"]),
        ],
        rows=[
            row(
                [
                    word(f"{r.x} – {r.y}"),
                    word(r.block),
                    word(r.group),
                    word(r.map),
                    number(r.component),
                    number(r.correlation),
                    p_cell(r.p_raw),
                    p_cell(r.p_adjusted),
                    number(r.p_error, 4),
                    number(r.n_regions),
                    number(r.n_lost),
                    p_cell(r.p_naive),
                    word(r.note),
                ],
                hit=r.p_adjusted < alpha,
            )
            for r in comparisons.itertuples()
        ],
    )  # fmt: skip
