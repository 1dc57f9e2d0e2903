"""One look for all figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

# Okabe & Ito's palette, told apart with any colour vision.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555"]
GREY = "#B0B7BF"
RC = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#E6E9EC",
    "axes.axisbelow": True,
    "legend.frameon": False,
}


@contextmanager
def canvas(
    width: float, height: float, columns: int = 1, rows: int = 1
) -> Iterator[tuple[Figure, list]]:
    """Figure and list of axes in the house style, closed for pyplot when done.

    Parameters
    ----------
    width, height : float
        Size in inches.
    columns, rows : int
        Panels; the list runs row by row. Default 1.
    """
    with plt.rc_context(RC):
        figure, axes = plt.subplots(
            rows, columns, figsize=(width, height), squeeze=False, layout="constrained"
        )
        yield figure, list(axes.flat)
        plt.close(figure)


def message_figure(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    with canvas(6, 1.2) as (figure, (axis,)):
        axis.axis("off")
        axis.text(0.5, 0.5, text, ha="center", va="center", color="#555555")
    return figure


def colour_of(index: int) -> str:
    """Colour of the i-th thing."""
    return COLOURS[index % len(COLOURS)]
