"""What the dimension search says in report, card and tracking."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.view import (
    Note,
    Part,
    Section,
    Statement,
    Table,
    head,
    number,
    row,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe

NAME = "dimension_search"
SCORES = {"auroc": "AUROC", "r2": "R²"}
# By whether a dimension was chosen, and whether it was best.
MARKS = {
    (True, True): "chosen, best",
    (True, False): "chosen",
    (False, True): "best",
    (False, False): "",
}


def present_search(recipe: Recipe, search: pd.DataFrame) -> Part:
    """Sentences, table and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    search : DataFrame
        Table of the analysis.
    """
    if search.empty:
        return Part(analysis=NAME)
    blocks = list(search.groupby("block", sort=False))
    return Part(
        analysis=NAME,
        findings=[_finding(block, rows) for block, rows in blocks],
        sections=[
            Section(
                id="dimension-search",
                title="Dimension search",
                items=[
                    _table(search),
                    Note(
                        text="The whole recipe is fitted anew in every inner split. Chosen is the "
                        "smallest dimension within one standard error of the best of the inner "
                        "folds; the test fold takes no part in it."
                    ),
                ],
            )
        ],
        statements=[
            Statement(
                test=f"components of block {block} (median of folds)",
                measure=f"{rows['metric'].iloc[0]} held out with "
                f"{rows.loc[rows['chosen'], 'dim'].median():g} components",
                estimate=float(rows.loc[rows["chosen"], "held_out"].mean()),
            )
            for block, rows in blocks
        ],
        metrics={
            f"dimension_search/{block}/{name}": float(value)
            for block, rows in blocks
            for name, value in (
                ("chosen", rows.loc[rows["chosen"], "dim"].median()),
                ("held_out", rows.loc[rows["chosen"], "held_out"].mean()),
            )
        },
    )


def _finding(block: str, rows: pd.DataFrame) -> str:
    """One sentence of a block."""
    chosen, best = rows[rows["chosen"]], rows[rows["best"]]
    text = (
        f"Block {block}: the smallest number of components within one standard error of the "
        f"best is {' / '.join(str(k) for k in chosen['dim'])} over the folds (median "
        f"{chosen['dim'].median():g}); held-out {SCORES[rows['metric'].iloc[0]]} "
        f"{chosen['held_out'].mean():.2f} with it, {best['held_out'].mean():.2f} with the best of "
        f"the inner folds ({' / '.join(str(k) for k in best['dim'])})."
    )
    if (best["dim"].to_numpy() == rows.groupby("fold")["dim"].max().to_numpy()).all():
        text += " The best is the largest that grid and sample allow, so more may be better."
    return text


def _table(search: pd.DataFrame) -> Table:
    """Every dimension of every fold."""
    return Table(
        name="dimension search",
        head=[
            *head(["block"], ["fold", "components", "inner folds", "standard error"]),
            *head([""], ["test fold"]),
        ],
        rows=[
            row(
                [
                    word(r.block),
                    number(r.fold),
                    number(r.dim),
                    number(r.inner_score),
                    number(r.inner_se),
                    word(MARKS[bool(r.chosen), bool(r.best)]),
                    number(r.held_out),
                ],
                hit=bool(r.chosen),
            )
            for r in search.itertuples()
        ],
    )
