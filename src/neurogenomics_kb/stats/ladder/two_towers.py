"""Two towers and what stands beside them: canonical axes, and towers of permuted pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.stats.ladder.attach import Head
from neurogenomics_kb.stats.ladder.canonical_axes import fit_canonical_axes
from neurogenomics_kb.stats.ladder.inputs import Inputs, Rung, Splits
from neurogenomics_kb.stats.ladder.pairs import Pairs, gather_pairs
from neurogenomics_kb.stats.ladder.tower_training import TowerSettings, train_towers
from neurogenomics_kb.stats.prediction.predictors import REGULARISATION

MIN_PAIRS = 50


class _Paired:
    """Embeddings of pairs, labelled or not; then a penalised regression of labelled people."""

    def __init__(self, *, min_pairs: int, head: Head) -> None:
        self.min_pairs = min_pairs
        self.head = head
        self.controls: dict[str, Rung] = {}
        self.history: list[dict[str, Any]] = []

    def _learn(self, pairs: Pairs) -> Any:
        """What embeds, with its ``history``."""
        raise NotImplementedError

    def fit(
        self, inputs: Inputs, y: np.ndarray, splits: Splits, unlabelled: Inputs | None = None
    ) -> _Paired:
        """Learn the common space from everybody, then the outcome from labelled people.

        Parameters
        ----------
        inputs : Inputs
            Training people (n).
        y : ndarray (n,)
            0/1, or a score.
        splits : list of (train, test)
            Inner folds as positions in the training people.
        unlabelled : Inputs, optional
            People with two blocks or more and no outcome; families are numbered as in `inputs`.

        Raises
        ------
        InputError
            If pairs are fewer than `min_pairs`, batches have no negatives, an inner fold has one
            class, or training fails.
        """
        pairs = gather_pairs(inputs, unlabelled, self.min_pairs)
        self.scales_ = pairs.scales
        self.embedder_ = self._learn(pairs)
        self.history = self.embedder_.history
        self.head.fit(inputs.concatenated(), self._joined(inputs), np.asarray(y), splits)
        return self

    def embed(self, inputs: Inputs) -> dict[str, np.ndarray]:
        """Place of every person in the common space, block by block (n, dim).

        Parameters
        ----------
        inputs : Inputs
            People with the blocks of the training; 0 where they lack a block.
        """
        features = {
            name: scale.apply(inputs.features[name], inputs.has(name))
            for name, scale in self.scales_.items()
        }
        found = self.embedder_.embed(features)
        return {name: np.where(inputs.has(name)[:, None], E, 0) for name, E in found.items()}

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Probability of the larger class, or predicted score (n,).

        Parameters
        ----------
        inputs : Inputs
            People with the blocks of the training.
        """
        return self.head.predict(inputs.concatenated(), self._joined(inputs))

    def _joined(self, inputs: Inputs) -> np.ndarray:
        return np.hstack(list(self.embed(inputs).values()))


class CanonicalAxes(_Paired):
    """Regularised canonical axes of the same pairs, with the same regression on top.

    Parameters
    ----------
    continuous : bool
        Whether the outcome is a score.
    dim : int
        Axes at most.
    attach : {"choose", "append", "replace"}
        See `Head`.
    strengths : sequence of float
        Inverse penalties that are tried.
    min_pairs : int
        Fewest people that a block must share with the others.
    random_state : int
        Which families the ridge penalty is chosen on.
    """

    def __init__(
        self,
        *,
        continuous: bool,
        dim: int = 32,
        attach: str = "choose",
        strengths: Sequence[float] = tuple(REGULARISATION),
        min_pairs: int = MIN_PAIRS,
        random_state: int = 0,
    ) -> None:
        head = Head(continuous=continuous, attach=attach, strengths=strengths)
        super().__init__(min_pairs=min_pairs, head=head)
        self.dim = dim
        self.random_state = random_state

    def _learn(self, pairs: Pairs):
        return fit_canonical_axes(pairs, self.dim, self.random_state)


class TwoTowers(_Paired):
    """One projector a block, trained so that a person's blocks find each other.

    Towers learn from all paired people, labelled or not, by symmetric InfoNCE; any number of
    blocks is taken two by two. Relatives are not told apart. Training stops early on held-out
    families. Its many parameters are the settings of a card.

    Parameters
    ----------
    continuous : bool
        Whether the outcome is a score.
    projector : {"linear", "mlp"}
        A line, or a line and a hidden layer beside it.
    dim : int
        Width of the common space.
    hidden : int
        Width of the hidden layer.
    epochs : int
        Epochs at most.
    batch_size : int
        People in a batch at most; each has the others as negatives.
    learning_rate, weight_decay : float
        Of AdamW.
    temperature : float
        To begin with; it is learned, down to 0.025.
    noise : float
        Standard deviation of what is added to standardised features at every step. Embeddings of
        length 1 do not feel the size of weights, so that this is what a ridge penalty is to
        canonical axes; 0 for none.
    patience : int
        Epochs without progress on held-out families after which training stops.
    attach : {"choose", "append", "replace"}
        Whether embeddings are appended to the projected blocks, replace them, or whichever of
        these and the blocks alone does best on the inner folds.
    strengths : sequence of float
        Inverse penalties of the regression that are tried.
    min_pairs : int
        Fewest people that a block must share with the others.
    device : str
        Where the towers are trained, such as ``cpu`` or ``cuda``.
    precision : {"float32", "bf16"}
        Of the towers' products in training.
    checkpoint : str or Path, optional
        Folder to which training is saved, and from which it goes on. A training has a subfolder
        named by its people; one of other settings there is refused.
    random_state : int
        Of initial weights, held-out families and batches.

    Attributes
    ----------
    controls : dict of str to Rung
        ``canonical axes`` and ``permuted pairs``.
    history : list of dict
        ``epoch``, ``loss``, ``validation`` and ``temperature``.
    """

    def __init__(
        self,
        *,
        continuous: bool,
        projector: str = "linear",
        dim: int = 32,
        hidden: int = 128,
        epochs: int = 200,
        batch_size: int = 512,
        learning_rate: float = 5e-3,
        weight_decay: float = 0.1,
        temperature: float = 0.1,
        noise: float = 1.0,
        patience: int = 20,
        attach: str = "choose",
        strengths: Sequence[float] = tuple(REGULARISATION),
        min_pairs: int = MIN_PAIRS,
        device: str = "cpu",
        precision: str = "float32",
        checkpoint: str | Path | None = None,
        random_state: int = 0,
    ) -> None:
        refuse_unknown("projector", projector, ("linear", "mlp"))
        refuse_unknown("precision", precision, ("float32", "bf16"))
        head = Head(continuous=continuous, attach=attach, strengths=strengths)
        super().__init__(min_pairs=min_pairs, head=head)
        self.settings = TowerSettings(
            projector, dim, hidden, epochs, batch_size, learning_rate, weight_decay, temperature,
            noise, patience, device, precision, random_state,
        )  # fmt: skip
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.controls = self._beside()

    def _beside(self) -> dict[str, Rung]:
        head, own = self.head, self.settings
        shared: dict[str, Any] = {
            "continuous": head.continuous, "dim": own.dim, "attach": head.attach,
            "strengths": head.strengths, "min_pairs": self.min_pairs,
            "random_state": own.random_state,
        }  # fmt: skip
        permuted = PermutedPairs(**(vars(own) | shared), checkpoint=self.checkpoint)
        return {"canonical axes": CanonicalAxes(**shared), "permuted pairs": permuted}

    def _learn(self, pairs: Pairs):
        return train_towers(pairs, self.settings, self.checkpoint)


class PermutedPairs(TwoTowers):
    """The same towers trained on pairs of blocks of different people, families whole.

    What they gain over late fusion does not come from what a person's blocks share. Parameters are
    those of `TwoTowers`.
    """

    def _beside(self) -> dict[str, Rung]:
        return {}

    def _learn(self, pairs: Pairs):
        wrong = pairs.permuted(self.settings.random_state)
        return train_towers(wrong, self.settings, self.checkpoint, "permuted")
