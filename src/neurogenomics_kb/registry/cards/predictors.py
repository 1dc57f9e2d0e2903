"""What predicts an outcome from a model's features."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from neurogenomics_kb.foundation.choices import Part, Parts
from neurogenomics_kb.registry.cards.base import Card, Strict


class PredictorOptions(Strict):
    """Options of a predictor; a new one has a field ``type``, a Literal of its name.

    Its builder takes the options and, by keyword, ``continuous`` (the outcome is a score, not two
    or more classes) and ``seed``. It gives a scikit-learn estimator with ``predict``, or
    ``predict_proba`` for classes, fitted to the training subjects of every fold; one whose ``fit``
    has a parameter ``splits`` gets the inner folds, in which relatives stay together.
    """


class LinearOptions(PredictorOptions):
    """Ridge or logistic regression, the penalty chosen by inner cross-validation.

    Parameters
    ----------
    strengths : list of float
        Inverse penalties that are tried, increasing.
    """

    type: Literal["linear"]
    strengths: list[Annotated[float, Field(gt=0)]] = Field(
        [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0], min_length=1
    )

    @model_validator(mode="after")
    def _increase(self):
        if self.strengths != sorted(set(self.strengths)):
            raise ValueError("`strengths` increase, since of equal ones the first is taken")
        return self


class XGBoostOptions(PredictorOptions):
    """Gradient-boosted trees that stop early on an inner fold.

    Parameters
    ----------
    n_estimators : int
        Most trees.
    learning_rate : float
        Share of a tree that is added.
    max_depth : int
        Splits above a leaf.
    subsample, colsample_bytree : float
        Shares of subjects and features that a tree sees.
    early_stopping_rounds : int
        Trees without progress on the inner fold after which no more are added.
    """

    type: Literal["xgboost"]
    n_estimators: int = Field(400, ge=1)
    learning_rate: float = Field(0.05, gt=0, le=1)
    max_depth: int = Field(3, ge=1)
    subsample: float = Field(0.8, gt=0, le=1)
    colsample_bytree: float = Field(0.8, gt=0, le=1)
    early_stopping_rounds: int = Field(25, ge=1)


ESTIMATORS = "neurogenomics_kb.stats.prediction.estimators"
# A new predictor is a module with its options and builder, and a line here.
PREDICTORS = Parts(
    "predictor",
    "type",
    {
        "linear": Part(LinearOptions, f"{ESTIMATORS}:build_linear"),
        "xgboost": Part(XGBoostOptions, f"{ESTIMATORS}:build_xgboost"),
    },
)
Predictor = Annotated[PredictorOptions, PREDICTORS.field]


class PredictorCard(Card):
    """A predictor with its settings, which experiments name among their `algorithms`.

    Parameters
    ----------
    settings : mapping
        ``type`` and the options of that type, such as ``{type: xgboost, max_depth: 6}``.
    """

    type_name: ClassVar[str] = "predictor"
    place: ClassVar[str] = "integration_cards/predictors.yaml"
    heading: ClassVar[str] = "Predictors"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…", "settings": {"type": "xgboost", "max_depth": 6},
    }  # fmt: skip

    settings: Predictor

    @model_validator(mode="after")
    def _is_what_it_is_called(self):
        refuse_misnamed(self.id, self.settings)
        return self


def refuse_misnamed(name: str, options: PredictorOptions) -> None:
    """Refuse the name of one type for another.

    Raises
    ------
    ValueError
    """
    kind = getattr(options, PREDICTORS.tag)
    if name in PREDICTORS and name != kind:
        raise ValueError(f"'{name}' is the name of a type, and this predictor is of type '{kind}'")
