"""One self-contained HTML file from a view and the figures that the graph drew."""

from __future__ import annotations

import base64
from pathlib import Path

import jinja2

from neurogenomics_kb.pipelines.reporting.view import ReportView
from neurogenomics_kb.pipelines.view import Section

TEMPLATE_FOLDER = Path(__file__).parent / "templates"


def render_report(view: ReportView, figures: dict[str, bytes], more: list[Section]) -> str:
    """Fill the report's template, which holds no format, label or condition.

    Parameters
    ----------
    view : ReportView
        What the run says.
    figures : dict of str to bytes
        PNG of every figure that a section names.
    more : list of Section
        Sections after those of the view (provenance).

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
    )
    embedded = {
        name: "data:image/png;base64," + base64.b64encode(png).decode()
        for name, png in figures.items()
    }
    return environment.get_template("report.html").render(
        view=view, sections=[*view.sections, *more], figures=embedded
    )
