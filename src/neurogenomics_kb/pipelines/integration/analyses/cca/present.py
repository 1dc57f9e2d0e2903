"""What the canonical correlation analysis says in report, card and tracking."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.cca.contradiction import (
    contradiction_sentences,
)
from neurogenomics_kb.pipelines.integration.analyses.cca.feature_view import feature_items
from neurogenomics_kb.pipelines.integration.analyses.cca.loadings import (
    Panel,
    panels_of,
    significant_components,
)
from neurogenomics_kb.pipelines.view import (
    STANDS,
    UNDECIDED,
    Bullets,
    Cell,
    Heading,
    Item,
    Note,
    Part,
    Picture,
    Regional,
    Section,
    Statement,
    Table,
    finite,
    format_number,
    format_p,
    head,
    number,
    numeric,
    p_cell,
    row,
    standing_of,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe

NAME = "cca"
# Subjects that 10 + 10, 50 + 50 and 176 + 100 variables need at a true correlation of 0.3, by the
# gemmr calculator (Helmer et al., Communications Biology 2024): 80 to 127 per variable.
SUBJECTS_PER_VARIABLE = 80
KEYS = ["x", "y", "component"]
NAMED = 3
# Standard errors of a correlation beyond which an axis has a direction.
DIRECTED = 1.96
TRACKED = ("correlation", "held_out", "null_mean", "p_adjusted", "p_held_out_adjusted")


def present_cca(
    recipe: Recipe,
    inference: pd.DataFrame,
    held_out: pd.DataFrame,
    loadings: pd.DataFrame,
    direction: pd.DataFrame,
) -> Part:
    """Sentences, tables and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    inference, held_out, loadings, direction : DataFrame
        Tables of the analysis.
    """
    table = with_held_out(inference, held_out)
    alpha = recipe.experiment.alpha
    shown = significant_components(table, alpha)
    directions = _directions(shown, loadings, direction)
    contradictions = contradiction_sentences(table, held_out, alpha)
    return Part(
        analysis=NAME,
        first=contradictions,
        findings=_pair_findings(table, alpha),
        cautions=[*contradictions, *_small_samples(table)],
        sections=[
            Section(
                id=NAME,
                title="Canonical correlation",
                items=[
                    *_items(table, alpha),
                    *_words(directions),
                    *feature_items(shown, loadings, alpha),
                ],
            )
        ],
        statements=[
            _statement(line, alpha) for line in table[table["component"] == 1].itertuples()
        ],
        metrics={
            f"cca/{line.x}/{line.y}/{line.component}/{field}": float(getattr(line, field))
            for line in table.itertuples()
            for field in TRACKED
        },
        regional=[
            Regional(title=title_of(panel), values=panel.bars.to_dict())
            for panel in panels_of(loadings, table[table["component"] == 1], top=None)
        ],
    )


def title_of(panel: Panel) -> str:
    """Name of a map of loadings."""
    how = "structure coefficient" if panel.signed else "RMS of structure coefficients"
    return (
        f"{panel.block}, {panel.group}, in {panel.x} – {panel.y}, component {panel.component}: "
        f"{how}"
    )


def with_held_out(inference: pd.DataFrame, held_out: pd.DataFrame) -> pd.DataFrame:
    """Inference with the fold-averaged held-out correlation and axis stability.

    Parameters
    ----------
    inference, held_out : DataFrame
        Tables of the analysis.
    """
    names = ["held_out", "held_out_sd", "stability_x", "stability_y"]
    if inference.empty:
        return inference.assign(**{name: [] for name in names})
    grouped = held_out.groupby(KEYS)
    summary = pd.DataFrame(
        {
            "held_out": grouped["held_out"].mean(),
            "held_out_sd": grouped["held_out"].std(),
            "stability_x": grouped["stability_x"].mean(),
            "stability_y": grouped["stability_y"].mean(),
        }
    )
    return inference.join(summary, on=KEYS)


def _pair_findings(table: pd.DataFrame, alpha: float) -> list[str]:
    """One sentence per pair."""
    found = []
    for (x, y), rows in table.groupby(["x", "y"], sort=False):
        first = rows.iloc[0]
        standings = [_standing(row, alpha) for row in rows.itertuples()]
        open_ = standings.count(UNDECIDED)
        found.append(
            f"{x} and {y}: {standings.count(STANDS)} of {len(rows)} tested components are "
            "significant family-wise"
            + (f", {open_} undecided" if open_ else "")
            + f". The first correlates {first.correlation:.2f} in sample "
            f"({first.null_mean:.2f} is expected by chance) and {first.held_out:.2f} in held-out "
            f"subjects ({format_p(first.p_held_out_adjusted)}); {format_p(first.p_adjusted)} in "
            f"sample, from {first.n_permutations:,} permutations of N = {first.n}."
        )
    return found


def _standing(line, alpha: float) -> str:
    """Whether a component is significant family-wise, as far as its permutations tell."""
    return standing_of(line.p_adjusted, line.p_adjusted_low, line.p_adjusted_high, alpha)


def _words(directions: list[str]) -> list[Item]:
    """Directions as a list below the figure; nothing where there are none."""
    if not directions:
        return []
    return [
        Heading(text="Which way the axes go"),
        Bullets(items=[Cell(text=line) for line in directions]),
    ]


def _directions(shown: pd.DataFrame, loadings: pd.DataFrame, direction: pd.DataFrame) -> list[str]:
    """Which features go with a higher outcome on the components that are shown, in words."""
    panels = list(panels_of(loadings, shown, top=None))
    out = []
    for line in shown.itertuples():
        axis = direction[
            (direction["x"] == line.x)
            & (direction["y"] == line.y)
            & (direction["component"] == line.component)
        ]
        for side in axis.itertuples():
            own = [
                p
                for p in panels
                if (p.x, p.y, p.component, p.block) == (line.x, line.y, line.component, side.block)
            ]
            out.append(_direction_sentence(line, side, own))
    return out


def _direction_sentence(line, side, panels: list[Panel]) -> str:
    """One side of one component."""
    start = f"{line.x} and {line.y}, component {line.component}, {side.block}: "
    unsigned = [
        f"most of the axis lies in {', '.join(p.bars.index[:NAMED])} ({p.group}), which has no "
        "sign of its own"
        for p in panels
        if not p.signed
    ]
    signed = [p for p in panels if p.signed]
    told = abs(side.correlation) * side.n**0.5 >= DIRECTED
    if not told:
        return (
            f"{start}the axis does not go with {side.outcome} in either direction (held-out "
            f"r = {side.correlation:+.2f})" + "".join(f"; {text}" for text in unsigned) + "."
        )
    parts = []
    for panel in signed:
        words = [
            f"{'higher' if np.sign(value) == np.sign(side.correlation) else 'lower'} "
            f"{panel.group} of {unit}"
            for unit, value in panel.bars.iloc[:NAMED].items()
            if value  # a loading of zero goes neither way
        ]
        parts.append(", ".join(words))
    text = "; ".join([*parts, *unsigned])
    return (
        f"{start}with a higher {side.outcome} go {text} (held-out r of the axis with it "
        f"{side.correlation:+.2f})."
        if parts
        else f"{start}{text}; the axis goes with {side.outcome} (held-out |r| "
        f"{abs(side.correlation):.2f})."
    )


def _small_samples(table: pd.DataFrame) -> list[str]:
    """Pairs with fewer subjects than stable weights need."""
    out = []
    for (x, y), rows in table.groupby(["x", "y"], sort=False):
        first = rows.iloc[0]
        variables = int(first.x_dim + first.y_dim)
        wanted = SUBJECTS_PER_VARIABLE * variables
        if first.n < wanted:
            out.append(
                f"{x} and {y}: {first.n} subjects for {variables} variables after reduction. For "
                f"stable weights at a true correlation of 0.3 about {wanted:,} would be needed, so "
                "read the axes with care."
            )
    return out


def _statement(line, alpha: float) -> Statement:
    """First component of a pair for the card."""
    return Statement(
        test=f"canonical correlation of {line.x} and {line.y}, component {line.component}",
        measure="held-out canonical correlation; p in sample",
        estimate=finite(line.held_out),
        p_raw=finite(line.p_raw),
        p_adjusted=finite(line.p_adjusted),
        p_low=finite(line.p_adjusted_low),
        p_high=finite(line.p_adjusted_high),
        adjustment=line.adjustment,
        standing=_standing(line, alpha),
    )


def _items(table: pd.DataFrame, alpha: float) -> list[Item]:
    """Figures and tables of the section."""
    items: list[Item] = [
        Picture(
            figure="canonical_correlations",
            alt="Canonical correlations in sample and held out beside chance",
            caption="In-sample correlations are always positive; grey shows what chance gives "
            "after confounds. Held-out points use weights from training folds.",
        )
    ]
    if not table.empty:
        items += [
            _inference_table(table, alpha),
            Note(
                text="In brackets the 95 % Monte-Carlo interval of a p-value: where more "
                "permutations would put it. Undecided: it holds alpha. Permutations stop where "
                "nothing can be found and go on where p is small, so each p rests on as many as "
                "are shown. "
                "Held out: mean ± standard deviation of folds, weights from training folds; "
                "its p-value is one-sided, by permuting subjects inside test folds in the residual "
                "space. Stability is the absolute correlation of a fold's axis with that of the "
                "full sample, per side."
            ),
            _stability_table(table),
            Note(
                text="Bootstrap and split-half stability: absolute correlation of axes from "
                "resampled families, and from two disjoint halves, over the same subjects. "
                "Redundancy: share of a side's standardised variance that the other side's axis "
                "explains."
            ),
        ]
    items.append(
        Picture(
            figure="loadings",
            alt="Structure coefficients of the significant components",
            caption="Structure coefficients of every significant component and of the first: "
            "correlation of each confound-adjusted feature with its own canonical variate, signed; "
            "where a unit has many features, the root mean square over them. The sign of an axis "
            "is arbitrary; the list below says which way it goes with the outcome.",
        )
    )
    return items


def _inference_table(table: pd.DataFrame, alpha: float) -> Table:
    """Correlations and their p-values."""
    return Table(
        name="canonical correlations",
        head=head(
            ["pair"],
            ["component", "in sample", "chance", "held out", "p, held out", "p, family-wise",
             "p, uncorrected", "permutations", "dims", "stability", "N / effective"],
        ),
        rows=[
            row(
                [
                    word(f"{r.x} – {r.y}"),
                    number(r.component),
                    number(r.correlation),
                    number(r.null_mean),
                    numeric(f"{format_number(r.held_out)} ± {format_number(r.held_out_sd)}"),
                    p_cell(
                        r.p_held_out_adjusted,
                        r.p_held_out_adjusted_low,
                        r.p_held_out_adjusted_high,
                        alpha,
                    ),
                    p_cell(r.p_adjusted, r.p_adjusted_low, r.p_adjusted_high, alpha),
                    p_cell(r.p_raw, r.p_raw_low, r.p_raw_high, alpha),
                    number(r.n_permutations),
                    numeric(f"{r.x_dim} + {r.y_dim}"),
                    numeric(
                        f"{format_number(r.stability_x, 2)} / {format_number(r.stability_y, 2)}"
                    ),
                    numeric(f"{r.n} / {r.n_effective}"),
                ],
                hit=_standing(r, alpha) == STANDS,
            )
            for r in table.itertuples()
        ],
    )  # fmt: skip


def _stability_table(table: pd.DataFrame) -> Table:
    """Stability, redundancy and method."""
    return Table(
        name="stability of the axes",
        head=[
            *head(
                ["pair"],
                ["component", "bootstrap stability", "split-half stability", "redundancy"],
                ["regularisation", "method"],
            ),
            *head([], ["smallest attainable p"]),
        ],
        rows=[
            row(
                [
                    word(f"{r.x} – {r.y}"),
                    number(r.component),
                    *(
                        numeric(f"{format_number(a, d)} / {format_number(b, d)}")
                        for a, b, d in (
                            (r.bootstrap_x, r.bootstrap_y, 2),
                            (r.split_half_x, r.split_half_y, 2),
                            (r.x_redundancy, r.y_redundancy, 3),
                        )
                    ),
                    word(r.regularisation),
                    word(r.method),
                    p_cell(r.smallest_p),
                ]
            )
            for r in table.itertuples()
        ],
    )
