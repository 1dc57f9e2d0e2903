"""Which features the shown axes rest on, as a table of the report."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.view import (
    Heading,
    Item,
    Note,
    Table,
    format_number,
    head,
    number,
    numeric,
    p_cell,
    row,
    word,
)

KEYS = ["x", "y", "component"]
# Features of a side that the report lists; the table of the run holds all.
LISTED = 10


def feature_items(components: pd.DataFrame, loadings: pd.DataFrame, alpha: float) -> list[Item]:
    """Table of the leading features of every shown axis; nothing where no feature was tested.

    Parameters
    ----------
    components : DataFrame
        Rows of `INFERENCE` that the report shows.
    loadings : DataFrame
        `LOADINGS`.
    alpha : float
        Level at which a row is marked.
    """
    tested = leading_features(components, loadings)
    if tested.empty:
        return []
    return [
        Heading(text="Which features the axes rest on"),
        Table(
            name="features of the axes",
            head=head(
                ["pair", "side", "feature"],
                ["component", "loading", "cross-loading, held out", "p, family-wise",
                 "p, uncorrected", "selected in halves"],
            ),
            rows=[
                row(
                    [
                        word(f"{r.x} – {r.y}"),
                        word(r.block),
                        word(r.feature),
                        number(r.component),
                        numeric(f"{format_number(r.loading)} ± {format_number(r.loading_se)}"),
                        number(r.cross_loading),
                        p_cell(r.p_adjusted),
                        p_cell(r.p_raw),
                        number(r.selection, 2),
                    ],
                    hit=r.p_adjusted < alpha,
                )
                for r in tested.itertuples()
            ],
        ),
        *(Note(text=line) for line in _counts(components, loadings, alpha)),
        Note(
            text=f"At most {LISTED} features of a side, smallest p first; cca_loadings holds all. "
            "Cross-loading: correlation of the adjusted feature with the other block's axis, whose "
            "weights come from other folds. Its p asks whether the feature by itself goes with the "
            "other block, family-wise over the features of the side by the largest of them; a "
            "feature that resembles one which carries the axis is related too. It holds given the "
            "axis: read it where the component is significant. Selected in halves: share of random "
            "halves of the families in which the loading is among the √(0.8 × features) largest of "
            "its side, with this sign."
        ),
    ]  # fmt: skip


def leading_features(components: pd.DataFrame, loadings: pd.DataFrame) -> pd.DataFrame:
    """Tested features of the components, smallest p first, the larger loading first among equals.

    Parameters
    ----------
    components, loadings : DataFrame
        Rows of `INFERENCE`, and `LOADINGS`.
    """
    rows = _of(components, loadings)
    rows = rows[rows["p_adjusted"].notna()]
    rows = rows.assign(_size=-rows["cross_loading"].abs())
    parts = [
        part.sort_values(["p_adjusted", "_size"], kind="stable").head(LISTED)
        for _, part in rows.groupby([*KEYS, "side"], sort=False)
    ]
    return pd.concat(parts) if parts else rows


def _counts(components: pd.DataFrame, loadings: pd.DataFrame, alpha: float) -> list[str]:
    """How many features of every side pass, a sentence each."""
    out = []
    rows = _of(components, loadings)
    for (x, y, component, _), part in rows.groupby([*KEYS, "side"], sort=False):
        tested = int(part["p_adjusted"].notna().sum())
        passed = int((part["p_adjusted"] < alpha).sum())
        if tested:
            out.append(
                f"{x} and {y}, component {component}: {passed} of {tested} features of "
                f"{part['block'].iloc[0]} go with the other side family-wise."
            )
    return out


def _of(components: pd.DataFrame, loadings: pd.DataFrame) -> pd.DataFrame:
    """Loadings of the components."""
    wanted = pd.MultiIndex.from_frame(components[KEYS])
    return loadings[pd.MultiIndex.from_frame(loadings[KEYS]).isin(wanted)]
