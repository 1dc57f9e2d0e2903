"""One self-contained HTML file."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.pipelines.reporting.summary import format_p

TEMPLATE_FOLDER = Path(__file__).parent / "templates"


def embed_figure(figure: Figure) -> str:
    """PNG of a figure as a data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def format_number(value: Any, digits: int = 3) -> str:
    """A table cell: fixed decimals, a dash for a gap."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "–"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def format_p_cell(value: float) -> str:
    """A p-value cell, without the letter."""
    return "–" if pd.isna(value) else format_p(value).removeprefix("p = ")


def render_report(**content: Any) -> str:
    """Fill the report's template.

    Parameters
    ----------
    **content
        Recipe, tables (DataFrames), figures, findings, warnings and provenance.

    Returns
    -------
    str
        HTML without any outside reference.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = format_number
    environment.filters["p"] = format_p_cell
    environment.filters["embed"] = embed_figure
    return environment.get_template("report.html").render(**content)
