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
    has a parameter ``splits`` gets the inner folds, in which relatives stay together, and one with
    ``parts`` the number of the block that every column is from, −1 for covariates.
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


class RandomForestOptions(PredictorOptions):
    """Random forest, the leaf size chosen by inner cross-validation.

    Parameters
    ----------
    n_estimators : int
        Trees.
    min_samples_leaf : list of int
        Fewest people of a leaf that are tried.
    max_features : float or {"sqrt", "log2"}
        Features among which a split is sought: a share, or the root or logarithm of their number.
    """

    type: Literal["random_forest"]
    n_estimators: int = Field(300, ge=1)
    min_samples_leaf: list[Annotated[int, Field(ge=1)]] = Field([1, 5, 20], min_length=1)
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt", "log2"] = "sqrt"


class KernelOptions(PredictorOptions):
    """Options of kernel machines.

    Parameters
    ----------
    strengths : list of float
        Inverse penalties that are tried.
    widths : list of float
        Inverse squared widths of RBF kernels that are tried, relative to the number of columns.
    """

    strengths: list[Annotated[float, Field(gt=0)]] = Field([0.01, 0.1, 1.0, 10.0], min_length=1)
    widths: list[Annotated[float, Field(gt=0)]] = Field([0.1, 1.0], min_length=1)


class SvmOptions(KernelOptions):
    """Support vector machine with probabilities from out-of-fold decision values.

    Parameters
    ----------
    kernel : {"rbf", "linear"}
        Kernel of the scaled features.
    """

    type: Literal["svm"]
    kernel: Literal["rbf", "linear"] = "rbf"


class KnnOptions(PredictorOptions):
    """Nearest neighbours among scaled features, their number by inner cross-validation.

    Parameters
    ----------
    n_neighbors : list of int
        Numbers that are tried.
    weights : {"distance", "uniform"}
        Whether nearer people count more.
    """

    type: Literal["knn"]
    n_neighbors: list[Annotated[int, Field(ge=1)]] = Field([5, 15, 45, 101], min_length=1)
    weights: Literal["distance", "uniform"] = "distance"


class ProductKernelOptions(KernelOptions):
    """Kernel ridge or kernel logistic regression on the product of the blocks' kernels.

    Parameters
    ----------
    kernel : {"linear", "rbf"}
        Kernel of a block; that of covariates is linear and added.
    main_effects : bool
        Whether the blocks' own kernels stand beside their product, with a share that is chosen
        inside.
    landmarks : int
        People whose kernels span the space where there are more of them.
    """

    type: Literal["product_kernel"]
    kernel: Literal["linear", "rbf"] = "linear"
    main_effects: bool = True
    strengths: list[Annotated[float, Field(gt=0)]] = Field(
        [0.01, 0.1, 1.0, 10.0, 100.0], min_length=1
    )
    landmarks: int = Field(1000, ge=50)


class TabularOptions(PredictorOptions):
    """Options of pretrained tabular models, whose weights are never downloaded.

    Parameters
    ----------
    path : str, optional
        File with the weights; by default the one that the environment variable of the model names.
    n_estimators : int
        Views of a table whose predictions are averaged.
    max_samples, max_features : int, optional
        Training rows and columns that are read at once; by default those of the installed version.
    n_subsamples : int
        Subsamples of rows and columns at least, where a table is larger.
    device : str
        Where torch computes, such as ``cpu`` or ``cuda``.
    """

    path: str | None = None
    n_estimators: int = Field(8, ge=1)
    max_samples: int | None = Field(None, ge=20)
    max_features: int | None = Field(None, ge=1)
    n_subsamples: int = Field(4, ge=1)
    device: str = "cpu"


class TabICLOptions(TabularOptions):
    """TabICL, code and weights under the BSD 3-Clause licence; NGKB_TABICL names the weights."""

    type: Literal["tabicl"]


class TabPFNOptions(TabularOptions):
    """TabPFN, weights from version 2.5 on non-commercial; NGKB_TABPFN names the weights."""

    type: Literal["tabpfn"]


PREDICTION = "neurogenomics_kb.stats.prediction"
TABULAR = f"{PREDICTION}.tabular.estimators"
# A new predictor is a module with its options and builder, and a line here.
PREDICTORS = Parts(
    "predictor",
    "type",
    {
        "linear": Part(LinearOptions, f"{PREDICTION}.estimators:build_linear"),
        "xgboost": Part(XGBoostOptions, f"{PREDICTION}.estimators:build_xgboost"),
        "random_forest": Part(RandomForestOptions, f"{PREDICTION}.forest:build_random_forest"),
        "svm": Part(SvmOptions, f"{PREDICTION}.machines:build_svm"),
        "knn": Part(KnnOptions, f"{PREDICTION}.neighbours:build_knn"),
        "tabicl": Part(TabICLOptions, f"{TABULAR}:build_tabular", f"{TABULAR}:lacking_tabular"),
        "tabpfn": Part(TabPFNOptions, f"{TABULAR}:build_tabular", f"{TABULAR}:lacking_tabular"),
        "product_kernel": Part(ProductKernelOptions, f"{PREDICTION}.kernels:build_product_kernel"),
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
