"""How site effects are taken out: a card of its own for every method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import core_schema

from neurogenomics_kb.foundation.choices import Part, Parts
from neurogenomics_kb.registry.cards.base import Card, Modality, unique

Unseen = Literal["error", "reference", "estimate_unlabelled"]
Level = str | int | float


def _read(value: Any) -> HarmonizationMethod:
    """Card of the method that is named; errors stand at the card's own fields."""
    method = value.get("method", "none") if isinstance(value, Mapping) else None
    if method in HARMONIZERS:
        return HARMONIZERS[method].options.model_validate(value)
    if method is None:
        return HARMONIZERS.validate(value)
    known = ", ".join(f"'{name}'" for name in HARMONIZERS)
    error = {"type": "literal_error", "loc": ("method",), "input": method,
             "ctx": {"expected": known}}  # fmt: skip
    raise ValidationError.from_exception_data("HarmonizationMethod", [error])


class HarmonizationMethod(Card):
    """Removal of site effects, inserted before the first z-score of the blocks it applies to.

    Cards are read, and made, as the class of their `method`, which has the fields of this method
    and no others: ``HarmonizationMethod(id="x", method="combat", preserve=["age"])`` is a
    `ComBatMethod`.

    Parameters
    ----------
    method : str
        One of `HARMONIZERS`; ``none`` by default.
    modalities : list of str
        Blocks of these modalities are harmonized.

    Attributes
    ----------
    in_folds : bool
        It is fitted in every training fold, by the builder that `HARMONIZERS` names.
    mixes_units : bool
        Its columns stand for no single region or edge, so leave-one-out cannot follow.
    """

    type_name: ClassVar[str] = "harmonization"
    place: ClassVar[str] = "integration_cards/harmonization_methods.yaml"
    heading: ClassVar[str] = "Harmonization"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "method": "combat",
        "modalities": ["smri"],
        "batch": "site",
        "preserve": ["age", "sex"],
    }
    in_folds: ClassVar[bool] = True
    mixes_units: ClassVar[bool] = False

    method: str = "none"
    modalities: list[Modality] = []

    def __new__(cls, *args: Any, **fields: Any) -> HarmonizationMethod:
        """Choose the class of the method; an unknown one is refused with the known ones."""
        if Card in cls.__bases__:
            cls = HARMONIZERS[fields.get("method", "none")].options
        return super().__new__(cls)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        if Card not in cls.__bases__:
            return handler(source)
        return core_schema.no_info_plain_validator_function(_read)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        if Card not in cls.__bases__:
            return handler(schema)
        return HARMONIZERS.field.__get_pydantic_json_schema__(schema, handler)

    @model_validator(mode="before")
    @classmethod
    def _without_fields_of_other_methods(cls, data: Any) -> Any:
        """Name the fields that another method reads, and this one does not."""
        if not isinstance(data, Mapping):
            return data
        foreign = {
            name: info
            for part in HARMONIZERS.values()
            for name, info in part.options.model_fields.items()
            if name in data and name not in cls.model_fields
        }
        # Cards of ComBat's first format may name `parametric` at its default anywhere.
        idle = {n for n, info in foreign.items() if data[n] == info.get_default()}
        ignored = sorted(set(foreign) - idle)
        if ignored:
            method = data.get("method", cls.model_fields["method"].default)
            raise ValueError(f"method '{method}' does not read {', '.join(ignored)}")
        return {name: value for name, value in data.items() if name not in idle}

    @property
    def kept(self) -> list[str]:
        """Covariates whose effect is kept."""
        return []

    @property
    def columns(self) -> list[str]:
        """Covariates that the method reads."""
        return []


class NoHarmonization(HarmonizationMethod):
    """Nothing is done; the site may be a confound."""

    in_folds: ClassVar[bool] = False

    method: Literal["none"] = "none"


class SiteMethod(HarmonizationMethod):
    """What the methods share that take a site out.

    Parameters
    ----------
    batch : str
        Column of the site or scanner.
    """

    batch: str = "site"


class FittedMethod(SiteMethod):
    """What the methods share that learn from training subjects.

    Parameters
    ----------
    preserve : list of str
        Covariates whose effect is kept; never the outcome or what is derived from it.
    """

    preserve: list[str] = []

    @property
    def kept(self) -> list[str]:
        """The preserved covariates."""
        return self.preserve

    @property
    def columns(self) -> list[str]:
        """The site and the preserved covariates."""
        return unique([self.batch, *self.kept])


class ComBatMethod(FittedMethod):
    """Empirical-Bayes removal of each site's shift and scale, and what all kinds of it share.

    Parameters
    ----------
    unseen : {"error", "reference", "estimate_unlabelled"}
        What happens to a site that training lacks.
    parametric : bool
        Priors by formula, or read off the features.
    mean_only : bool
        Shifts only.
    reference : str, optional
        Site that the others are moved to.
    empirical_bayes : bool
        False for a site's own unshrunken means and variances.
    fit_on : dict of str to list, optional
        One column and its levels, such as ``{diagnosis: [0]}``: only these training subjects, the
        controls, teach the method, which is applied to all.
    """

    method: Literal["combat"]
    unseen: Unseen = "error"
    parametric: bool = True
    mean_only: bool = False
    reference: str | None = None
    empirical_bayes: bool = True
    fit_on: dict[str, list[Level]] = Field({}, max_length=1)

    @property
    def columns(self) -> list[str]:
        """The site, the preserved covariates and the one that says who is learned from."""
        return unique([*super().columns, *self.fit_on])


class ComBatGAMMethod(ComBatMethod):
    """ComBat that keeps the effect of some covariates as a curve.

    Parameters
    ----------
    smooth : list of str
        Covariates whose effect is kept as a curve.
    spline_df : int
        Splines per curve.
    penalty : float or "gcv"
        Roughness penalty, by generalized cross-validation or fixed.
    extrapolation : {"constant", "linear", "error"}
        What is expected beyond the training range.
    """

    method: Literal["combat_gam"]
    smooth: list[str] = []
    spline_df: int = Field(10, ge=4)
    penalty: float | Literal["gcv"] = "gcv"
    extrapolation: Literal["constant", "linear", "error"] = "constant"

    @property
    def kept(self) -> list[str]:
        """The preserved covariates and those with a curve."""
        return unique([*self.preserve, *self.smooth])

    @model_validator(mode="after")
    def _has_a_curve(self):
        if not self.smooth:
            raise ValueError("method 'combat_gam' needs `smooth`, the covariates with a curve")
        return self


class CovBatMethod(ComBatMethod):
    """ComBat, then ComBat of the principal components of what it leaves.

    Parameters
    ----------
    variance_kept : float
        Share of the residual variance whose components are harmonized.
    """

    method: Literal["covbat"]
    variance_kept: float = Field(0.95, gt=0, le=1)


class LongitudinalComBatMethod(ComBatMethod):
    """ComBat with a random intercept per subject.

    Parameters
    ----------
    subject : str
        Column that says whose visit a row is.
    new_subjects : {"own", "zero"}
        Intercept of a subject that training lacks.
    """

    method: Literal["longitudinal_combat"]
    subject: str | None = None
    new_subjects: Literal["own", "zero"] = "own"

    @property
    def columns(self) -> list[str]:
        """The site, the preserved covariates and the subject."""
        return unique([*super().columns, *([self.subject] if self.subject else [])])

    @model_validator(mode="after")
    def _has_subjects(self):
        if self.subject is None:
            raise ValueError("method 'longitudinal_combat' needs `subject`, whose visit a row is")
        return self


class UnlearningMethod(FittedMethod):
    """A trained head on embeddings that tells little of the site.

    Parameters
    ----------
    unseen : {"error", "reference"}
        What happens to a site that training lacks; there is nothing to estimate.
    dim, hidden : int
        Columns of the output, and width of the hidden layer.
    epochs : int
        Passes over the training subjects.
    reconstruction : float
        Weight of the reconstruction in the main task.
    seed : int
        Seed of the random numbers. Default 0.
    """

    mixes_units: ClassVar[bool] = True

    method: Literal["unlearning"]
    unseen: Unseen = "error"
    dim: int = Field(32, ge=1)
    hidden: int = Field(64, ge=1)
    epochs: int = Field(120, ge=1)
    reconstruction: float = Field(1.0, ge=0)
    seed: int = 0

    @model_validator(mode="after")
    def _has_a_task(self):
        if not self.preserve:
            raise ValueError("method 'unlearning' needs `preserve`, its main task")
        if self.unseen == "estimate_unlabelled":
            raise ValueError("method 'unlearning' has nothing to estimate for an unseen site")
        return self


class ExternalMethod(SiteMethod):
    """Done before the project saw the data; the cohort's manifest of it is checked.

    Parameters
    ----------
    accept_trained_subjects : bool
        Let subjects on whom the method was trained be tested all the same; the report says so.
    """

    in_folds: ClassVar[bool] = False

    method: Literal["external"]
    accept_trained_subjects: bool = False

    @property
    def columns(self) -> list[str]:
        """The site, which the manifest is checked against."""
        return [self.batch]


HARMONIZATION = "neurogenomics_kb.stats.harmonization.building"
# A new method is a module with its card class and builder, and a line here. The builder takes the
# card and gives a transformer of DataFrames that reads the columns which the card names.
HARMONIZERS = Parts(
    "harmonization method",
    "method",
    {
        "none": Part(NoHarmonization, f"{HARMONIZATION}:build_nothing"),
        "combat": Part(ComBatMethod, f"{HARMONIZATION}:build_combat"),
        "combat_gam": Part(ComBatGAMMethod, f"{HARMONIZATION}:build_combat_gam"),
        "covbat": Part(CovBatMethod, f"{HARMONIZATION}:build_covbat"),
        "longitudinal_combat": Part(
            LongitudinalComBatMethod, f"{HARMONIZATION}:build_longitudinal_combat"
        ),
        "unlearning": Part(UnlearningMethod, f"{HARMONIZATION}:build_unlearning"),
        "external": Part(ExternalMethod, f"{HARMONIZATION}:build_nothing"),
    },
)
