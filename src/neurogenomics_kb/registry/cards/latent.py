"""Norms, missingness and factors: parts of a strategy that suit questionnaires and tests."""

from __future__ import annotations

import itertools
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from neurogenomics_kb.registry.cards.parts import ProjectorOptions, StepOptions


class MissingIndicators(StepOptions):
    """Append columns that say what is missing, where training subjects have gaps.

    Parameters
    ----------
    level : {"feature", "group"}
        0 and 1 per feature, or the share of gaps per feature group.
    min_missing : int
        Training subjects with, and without, a gap.
    """

    step: Literal["missing_indicators"]
    level: Literal["feature", "group"] = "feature"
    min_missing: int = Field(1, ge=1)


class Norms(StepOptions):
    """z-scores by age and sex, from norms of the training subjects.

    Parameters
    ----------
    age : str
        Canonical column of ages.
    sex : str, optional
        Canonical column by whose levels norms are separate; null makes one norm for all.
    method : {"spline", "bands"}
        A smooth curve of the mean, with a spread that is linear in age; or a mean and a spread per
        band.
    knots : int
        Of the spline.
    bands : list of float
        Edges of age bands; a band holds its first edge and not its last.
    outside : {"clamp", "missing"}
        Ages that have no norms: judged as the nearest age that has, or missing.
    minimum : int
        Training subjects behind every norm.
    """

    step: Literal["norms"]
    age: str = "age"
    sex: str | None = "sex"
    method: Literal["spline", "bands"] = "spline"
    knots: int = Field(4, ge=2)
    bands: list[float] = []
    outside: Literal["clamp", "missing"] = "clamp"
    minimum: int = Field(20, ge=2)

    @model_validator(mode="after")
    def _bands_fit_the_method(self):
        if self.method == "spline" and self.bands:
            raise ValueError("`bands` belong to method: bands")
        ordered = all(a < b for a, b in itertools.pairwise(self.bands))
        if self.method == "bands" and (len(self.bands) < 2 or not ordered):
            raise ValueError("method: bands needs `bands`, two or more increasing edges")
        return self

    @property
    def columns(self) -> list[str]:
        """Covariates that the norms are by."""
        return [self.age, *([self.sex] if self.sex else [])]

    @property
    def takes_out(self) -> list[str]:
        """Age and sex."""
        return self.columns


class FactorProjector(ProjectorOptions):
    """Factor scores; values may be missing.

    Parameters
    ----------
    factors : int
        Fewer where the features cannot identify them, or the sample is too small.
    rotation : {"varimax", "none"}
        Rotation of the factors. Default varimax.
    missing_indicators : bool
        Stand an indicator of every feature with gaps beside the scores. Those of a step
        ``missing_indicators`` stand there too.
    """

    completes: ClassVar[bool] = True

    type: Literal["factor_analysis"]
    factors: int = Field(ge=1)
    rotation: Literal["varimax", "none"] = "varimax"
    missing_indicators: bool = False

    @property
    def asked(self) -> int:
        """Number of factors that is asked for."""
        return self.factors


def check_missing_indicators(preprocessing: list, projector) -> None:
    """Refuse indicators that could only say that nothing is missing, or would stand there twice.

    Raises
    ------
    ValueError
    """
    steps = [step.step for step in preprocessing]
    marks = [i for i, step in enumerate(steps) if step == "missing_indicators"]
    if len(marks) + bool(getattr(projector, "missing_indicators", False)) > 1:
        raise ValueError("indicators of missing values are asked for twice")
    if marks and "impute" in steps[: marks[0]]:
        raise ValueError("`missing_indicators` comes before `impute`, which leaves nothing missing")
