"""Names of the analyses that an experiment may ask for, in the order in which they are told."""

from __future__ import annotations

from dataclasses import dataclass

from neurogenomics_kb.foundation.errors import listing, nearest


@dataclass(frozen=True)
class AnalysisName:
    """What an experiment must know of an analysis before anything runs.

    Parameters
    ----------
    several_classes : bool
        Whether it has a form for an outcome of several classes.
    """

    several_classes: bool


ANALYSES = {
    "cca": AnalysisName(several_classes=True),
    # Made wherever canonical correlations are, asked for or not.
    "assumptions": AnalysisName(several_classes=True),
    "prediction": AnalysisName(several_classes=True),
    "ladder": AnalysisName(several_classes=False),
    # Made beside a prediction for blocks that an encoder makes, asked for or not.
    "rivals": AnalysisName(several_classes=True),
    "logo": AnalysisName(several_classes=False),
    "partial_correlations": AnalysisName(several_classes=False),
    "audit": AnalysisName(several_classes=True),
    "dimension_search": AnalysisName(several_classes=False),
    "reference_maps": AnalysisName(several_classes=True),
    "language": AnalysisName(several_classes=True),
    "joint_axes": AnalysisName(several_classes=True),
}


def known_analysis(name: str) -> str:
    """The name of an analysis, or an error that lists the known ones.

    Raises
    ------
    ValueError
    """
    if name not in ANALYSES:
        raise ValueError(
            f"there is no analysis '{name}'{nearest(name, ANALYSES)}; known are "
            f"{listing(ANALYSES, len(ANALYSES))}"
        )
    return name
