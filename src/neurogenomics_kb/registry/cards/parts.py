"""What every step and every projector of a strategy card answers, whatever it does."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Literal

from neurogenomics_kb.registry.cards.base import Strict, unique


class StepOptions(Strict):
    """Options of a preprocessing step; a new step overrides what is true of it.

    A step has a field ``step``, a Literal of its name. Its builder takes the options and the names
    of the covariates that the cohort has, and gives a scikit-learn transformer of DataFrames,
    fitted in every training fold on the features and the covariates that `reads` names.

    Attributes
    ----------
    scales : bool
        It brings features to one scale. Harmonization goes before the first such step.
    reads_whole : bool
        It needs the columns as they come, so constant features are dropped after it.
    """

    scales: ClassVar[bool] = False
    reads_whole: ClassVar[bool] = False

    @property
    def takes_out(self) -> list[str]:
        """Covariates whose effect is regressed out.

        Permutation tests leave the step out and handle these covariates in their own space.
        """
        return []

    @property
    def takes_out_where_present(self) -> list[str]:
        """Covariates that are regressed out where the cohort has them."""
        return []

    @property
    def bends(self) -> dict[str, int]:
        """Covariates that are expanded into splines, and into how many."""
        return {}

    @property
    def multiplies(self) -> list[tuple[str, str]]:
        """Pairs of covariates whose product is regressed out too."""
        return []

    @property
    def codes(self) -> list[str]:
        """Numeric covariates that hold codes."""
        return []

    @property
    def divides_by(self) -> list[str]:
        """Covariates that features are divided by, which regresses nothing out."""
        return []

    def reads(self, available: Collection[str]) -> list[str]:
        """Covariates that the transformer sees beside the features.

        Parameters
        ----------
        available : collection of str
            Covariates that the cohort has.
        """
        present = [c for c in self.takes_out_where_present if c in available]
        return unique([*self.takes_out, *present, *self.divides_by])


class ProjectorOptions(Strict):
    """Options of a projector; a new one overrides what is true of it.

    A projector has a field ``type``, a Literal of its name. Its builder takes the options and,
    by keyword, ``n_blocks``, ``subjects_per_dimension`` (the experiment's bound, see
    `stats.transformers.projection.cap_dimension`) and ``modality``. It gives a scikit-learn
    transformer of DataFrames, or None where features stay as they are.

    Attributes
    ----------
    in_test : {"components", "fitted", "features"}
        How a block enters the permutation test of canonical correlation: as principal components
        that the test finds in its own residual space; as what the projector, fitted to what the
        confounds leave, gives; or as the features themselves.
    completes : bool
        It reads features with gaps, and fills them (parameter ``output="completed"``) for readers
        that do not.
    """

    in_test: ClassVar[Literal["components", "fitted", "features"]] = "fitted"
    completes: ClassVar[bool] = False

    @property
    def asked(self) -> int | None:
        """Dimension that the card asks for; None where it asks for none."""
        return getattr(self, "dim", None)
