"""Measured rates as pictures: each test with its interval against what it should be."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.calibration.suite import ALPHA, is_naive
from neurogenomics_kb.pipelines.style import canvas

ROW = 0.17
COLOURS = {"calibrated": "#2f6db0", "conservative": "#7a9cc0", "too many": "#c0392b"}
WARNING, OTHER = "#d98c00", "#555555"


def draw_null(table: pd.DataFrame) -> Figure:
    """Every false-positive rate with its 99 % interval beside the line of 5 %.

    Parameters
    ----------
    table : DataFrame
        Results of the suite.
    """
    rows = table[(table["question"] == "null") & ~table["kind"].map(is_naive)]
    return _draw(rows, "false-positive rate at p ≤ 0.05", 0.16)


def draw_violations(table: pd.DataFrame) -> Figure:
    """Rates where an assumption is broken: tests on the card's design, and warnings.

    Parameters
    ----------
    table : DataFrame
        Results of the suite.
    """
    broken = table[table["question"] == "violation"]["scenario"].unique()
    rows = table[
        table["scenario"].isin(broken)
        & (table["kind"].str.startswith("CCA, first") | (table["kind"] == "warning: any of these"))
        | table["scenario"].str.endswith(("rows of one length", "named nested"))
        & (table["kind"] == "CCA, first component")
        & (table["question"] == "null")
    ]
    return _draw(rows, "share of cohorts with p ≤ 0.05 (dots), or a warning (squares)", 1.02)


def _draw(rows: pd.DataFrame, label: str, right: float) -> Figure:
    rows = rows.sort_values(["kind", "scenario"], kind="stable").iloc[::-1]
    with canvas(9, 0.9 + ROW * len(rows)) as (figure, (axis,)):
        for y, row in enumerate(rows.itertuples()):
            warning = row.question == "warning"
            colour = WARNING if warning else COLOURS.get(row.verdict, OTHER)
            axis.plot([row.low, row.high], [y, y], color=colour, linewidth=1.5)
            axis.plot([row.rate], [y], "s" if warning else "o", color=colour, markersize=4)
        axis.axvline(ALPHA, color="#222222", linewidth=0.8, linestyle="--")
        axis.set_yticks(range(len(rows)), [f"{r.kind} · {r.scenario}" for r in rows.itertuples()])
        axis.tick_params(axis="y", labelsize=6.5)
        axis.set(xlim=(0, right), ylim=(-1, len(rows)), xlabel=label)
    return figure


PICTURES = {"rates.svg": draw_null, "violations.svg": draw_violations}


def save_pictures(table: pd.DataFrame, folder: Path) -> None:
    """Write every picture beside the page; the same table gives the same bytes.

    Parameters
    ----------
    table : DataFrame
        Results of the suite.
    folder : Path
        Where the page lies.
    """
    with mpl.rc_context({"svg.hashsalt": "calibration", "svg.fonttype": "none"}):
        for name, draw in PICTURES.items():
            draw(table).savefig(folder / name, metadata={"Date": None})
