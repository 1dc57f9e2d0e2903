"""What an alignment card may ask for: rungs of the ladder, with their settings."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from neurogenomics_kb.foundation.choices import Part, Parts
from neurogenomics_kb.registry.cards.base import Identifier, Strict


class RungOptions(Strict):
    """Options of a rung; a new one has a field ``type``, a Literal of its name.

    Its builder takes the options and, by keyword, ``continuous``, ``seed`` and ``predictor`` (a
    function that makes the estimator of a predictor's name), and gives a
    `neurogenomics_kb.stats.ladder.inputs.Rung`.
    """

    # Whether it reads blocks before their projector, and people without an outcome.
    reads_features: ClassVar[bool] = False
    reads_unlabelled: ClassVar[bool] = False

    @property
    def predictors(self) -> list[str]:
        """Predictors that it is made of, by name."""
        return []


class PredictorRung(RungOptions):
    """One predictor on the concatenation of all blocks.

    Parameters
    ----------
    predictor : str
        A type of predictor, or a predictor card.
    """

    type: Literal["predictor"]
    predictor: Identifier

    @property
    def predictors(self) -> list[str]:
        """The predictor."""
        return [self.predictor]


class StackingRung(RungOptions):
    """Several learners per block, combined by a second level that is fitted to inner folds.

    Parameters
    ----------
    bases : list of str
        Learners: types of predictors, or predictor cards.
    meta : {"logistic", "mean", "best", "caruana"}
        Second level that counts; the others are told beside it.
    concatenation : bool
        Whether learners also see all blocks side by side.
    """

    type: Literal["stacking"]
    bases: list[Identifier] = Field(min_length=2)
    meta: Literal["logistic", "mean", "best", "caruana"] = "logistic"
    concatenation: bool = False

    @property
    def predictors(self) -> list[str]:
        """The learners."""
        return self.bases

    @model_validator(mode="after")
    def _bases_differ(self):
        if len(set(self.bases)) < len(self.bases):
            raise ValueError("a learner stands twice among `bases`")
        return self


class TwoTowersRung(RungOptions):
    """Projectors per block, trained so that a person's blocks find each other.

    Parameters
    ----------
    projector : {"linear", "mlp"}
        What a tower is.
    dim, hidden : int
        Length of an embedding, and width of the hidden layer of ``mlp``.
    epochs, batch_size, patience : int
        Most passes over the pairs, pairs in a batch, and passes without progress on inner families
        after which training stops.
    learning_rate, weight_decay, temperature : float
        Of the optimiser, and where the learned temperature starts.
    noise : float
        Standard deviation of what is added to standardised features at every step, which is to
        towers what a ridge penalty is to canonical axes.
    attach : {"append", "replace", "choose"}
        Whether embeddings stand beside the blocks or in their place, or inner folds choose.
    min_pairs : int
        Paired people below which nothing is trained.
    device, precision : str
        Where and how it is computed: ``cpu``, ``cuda``; ``float32``, ``bf16``.
    checkpoint : str, optional
        Folder to which training is saved and from which it goes on after a stop.
    """

    reads_features: ClassVar[bool] = True
    reads_unlabelled: ClassVar[bool] = True

    type: Literal["two_towers"]
    projector: Literal["linear", "mlp"] = "linear"
    dim: int = Field(32, ge=1)
    hidden: int = Field(128, ge=1)
    epochs: int = Field(200, ge=1)
    batch_size: int = Field(512, ge=2)
    learning_rate: float = Field(5e-3, gt=0)
    weight_decay: float = Field(0.1, ge=0)
    temperature: float = Field(0.1, gt=0)
    noise: float = Field(1.0, ge=0)
    patience: int = Field(20, ge=1)
    attach: Literal["append", "replace", "choose"] = "choose"
    min_pairs: int = Field(50, ge=4)
    device: str = "cpu"
    precision: Literal["float32", "bf16"] = "float32"
    checkpoint: str | None = None


class HubTokensRung(RungOptions):
    """A few learned tokens that attend to the units (genes, parcels, channels) of all blocks.

    Parameters
    ----------
    hubs, width, heads, layers : int
        Hub tokens, length of a token, heads of attention, and layers.
    epochs, batch_size, patience : int
        Most passes, people in a batch, and passes without progress after which training stops.
    initialisations : int
        Random starts whose predictions are averaged; five at least.
    dropout, learning_rate, weight_decay : float
        Of the training.
    device : str
        Where it is computed: ``cpu``, ``cuda``.
    """

    reads_features: ClassVar[bool] = True

    type: Literal["hub_tokens"]
    hubs: int = Field(4, ge=1)
    width: int = Field(32, ge=4)
    heads: int = Field(2, ge=1)
    layers: int = Field(1, ge=1)
    epochs: int = Field(60, ge=1)
    batch_size: int = Field(64, ge=2)
    patience: int = Field(10, ge=1)
    initialisations: int = Field(5, ge=5)
    dropout: float = Field(0.1, ge=0, lt=1)
    learning_rate: float = Field(3e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    device: str = "cpu"

    @model_validator(mode="after")
    def _heads_divide_width(self):
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a width of {self.width}")
        return self


class PooledTokensRung(RungOptions):
    """Mean, spread, minimum and maximum of the units of every block, and a linear model."""

    reads_features: ClassVar[bool] = True

    type: Literal["pooled_tokens"]


BUILDING = "neurogenomics_kb.stats.ladder.building"
# A new rung is a module with its options and builder, and a line here.
RUNGS = Parts(
    "rung",
    "type",
    {
        "predictor": Part(PredictorRung, f"{BUILDING}:build_predictor"),
        "stacking": Part(StackingRung, f"{BUILDING}:build_stacking"),
        "two_towers": Part(TwoTowersRung, f"{BUILDING}:build_two_towers"),
        "hub_tokens": Part(HubTokensRung, f"{BUILDING}:build_hub_tokens"),
        "pooled_tokens": Part(PooledTokensRung, f"{BUILDING}:build_pooled_tokens"),
    },
)
Rung = Annotated[RungOptions, RUNGS.field]
