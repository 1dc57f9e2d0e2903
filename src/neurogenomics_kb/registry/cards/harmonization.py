"""How site effects are taken out."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from neurogenomics_kb.registry.cards.base import Card, Modality, unique

COMBAT = {"parametric", "mean_only", "reference", "empirical_bayes"}
# Fields that a method reads beside `batch`, `preserve` and `unseen`; another one would be ignored.
OPTIONS: dict[str, set[str]] = {
    "none": set(),
    "combat": COMBAT,
    "combat_gam": COMBAT | {"smooth", "spline_df", "penalty", "extrapolation"},
    "covbat": COMBAT | {"variance_kept"},
    "longitudinal_combat": COMBAT | {"subject", "new_subjects"},
    "unlearning": {"dim", "hidden", "epochs", "reconstruction", "seed"},
    "external": {"accept_trained_subjects"},
}


class HarmonizationMethod(Card):
    """Removal of site effects, inserted before the first z-score of the blocks it applies to.

    Parameters
    ----------
    method : str
        ``none``, ``combat``, ``combat_gam``, ``covbat``, ``longitudinal_combat``, ``unlearning``
        (a trained head on embeddings) or ``external`` (done before the project saw the data; the
        cohort's manifest of it is checked).
    modalities : list of str
        Blocks of these modalities are harmonized.
    batch : str
        Column of the site or scanner.
    preserve : list of str
        Covariates whose effect is kept; never the outcome or what is derived from it.
    unseen : {"error", "reference", "estimate_unlabelled"}
        What happens to a site that training lacks.
    parametric, mean_only, reference, empirical_bayes : optional
        Priors; shifts only; site that the others are moved to; false for a site's own unshrunken
        means and variances.
    smooth : list of str
        Covariates whose effect is kept as a curve, with `spline_df` splines, a `penalty` (``gcv``
        or a number) and an `extrapolation` beyond the training range.
    variance_kept : float
        Share of the residual variance whose components CovBat harmonizes.
    subject : str, optional
        Column that says whose visit a row is.
    new_subjects : {"own", "zero"}
        Intercept of a subject that training lacks.
    dim, hidden, epochs, reconstruction, seed
        Network of the unlearning head.
    accept_trained_subjects : bool
        Let subjects on whom an external method was trained be tested all the same; the report says
        so.
    """

    type_name: ClassVar[str] = "harmonization"

    method: Literal[
        "none", "combat", "combat_gam", "covbat", "longitudinal_combat", "unlearning", "external"
    ] = "none"
    modalities: list[Modality] = []
    batch: str = "site"
    preserve: list[str] = []
    parametric: bool = True
    unseen: Literal["error", "reference", "estimate_unlabelled"] = "error"
    mean_only: bool = False
    reference: str | None = None
    empirical_bayes: bool = True
    smooth: list[str] = []
    spline_df: int = Field(10, ge=4)
    penalty: float | Literal["gcv"] = "gcv"
    extrapolation: Literal["constant", "linear", "error"] = "constant"
    variance_kept: float = Field(0.95, gt=0, le=1)
    subject: str | None = None
    new_subjects: Literal["own", "zero"] = "own"
    dim: int = Field(32, ge=1)
    hidden: int = Field(64, ge=1)
    epochs: int = Field(120, ge=1)
    reconstruction: float = Field(1.0, ge=0)
    seed: int = 0
    accept_trained_subjects: bool = False

    @model_validator(mode="after")
    def _options_fit_the_method(self):
        optional = set().union(*OPTIONS.values())
        ignored = sorted((self.model_fields_set & optional) - OPTIONS[self.method])
        # Cards of ComBat's first format may name `parametric` at its default anywhere.
        ignored = [f for f in ignored if getattr(self, f) != type(self).model_fields[f].default]
        if ignored:
            raise ValueError(f"method '{self.method}' does not read {', '.join(ignored)}")
        if self.method == "combat_gam" and not self.smooth:
            raise ValueError("method 'combat_gam' needs `smooth`, the covariates with a curve")
        if self.method == "longitudinal_combat" and self.subject is None:
            raise ValueError("method 'longitudinal_combat' needs `subject`, whose visit a row is")
        if self.method == "unlearning":
            if not self.preserve:
                raise ValueError("method 'unlearning' needs `preserve`, its main task")
            if self.unseen == "estimate_unlabelled":
                raise ValueError("method 'unlearning' has nothing to estimate for an unseen site")
        return self

    @property
    def columns(self) -> list[str]:
        """Covariates that the method reads."""
        if self.method == "none":
            return []
        subject = [] if self.subject is None else [self.subject]
        return unique([self.batch, *self.preserve, *self.smooth, *subject])
