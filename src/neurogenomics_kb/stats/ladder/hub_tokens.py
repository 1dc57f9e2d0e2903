"""Hub tokens: a few learnable queries that read the tokens of all blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.ladder.deterministic import deterministic
from neurogenomics_kb.stats.ladder.hub_network import HubNetwork
from neurogenomics_kb.stats.ladder.inputs import Inputs, Rung, Splits
from neurogenomics_kb.stats.ladder.pooled_tokens import MasksOnly, PooledTokens
from neurogenomics_kb.stats.ladder.tokens import plan_tokens
from neurogenomics_kb.stats.ladder.training import (
    draw_batches,
    refuse_inner_class,
)

FEWEST_INITIALISATIONS = 5
# People that are predicted at once.
CHUNK = 256


class HubTokens:
    """Cross-attention over genes, parcels, windows or channels, averaged over initialisations.

    Each initialisation trains on all inner folds but one and stops early on that one, whose
    families it does not see; they take turns. A single one depends on its random weights as much as
    on the data, so fewer than five are refused. Its many parameters are the settings of a card.

    Parameters
    ----------
    continuous : bool
        Whether the outcome is a score.
    hubs : int
        Learnable queries.
    width : int
        Of tokens and hubs; a multiple of `heads`.
    heads, layers : int
        Of the attention.
    epochs : int
        Epochs at most.
    initialisations : int
        Networks that are averaged; at least five.
    dropout : float
        Share of attention weights and hidden values that are left out in training.
    learning_rate, weight_decay : float
        Of AdamW.
    batch_size : int
        People in a batch at most.
    patience : int
        Epochs without progress on the held-out fold after which training stops.
    device : str
        Where it is trained, such as ``cpu`` or ``cuda``.
    random_state : int
        Of initial weights, dropout and batches.

    Attributes
    ----------
    controls : dict of str to Rung
        ``pooled tokens`` and ``masks only``; the latter predicts the same for all where nobody
        lacks a block, see `MasksOnly.applies`.
    history : list of dict
        ``initialisation``, ``epoch``, ``loss`` and ``validation``.
    """

    def __init__(
        self,
        *,
        continuous: bool,
        hubs: int = 4,
        width: int = 32,
        heads: int = 2,
        layers: int = 1,
        epochs: int = 60,
        initialisations: int = 5,
        dropout: float = 0.1,
        learning_rate: float = 3e-3,
        batch_size: int = 64,
        weight_decay: float = 0.01,
        patience: int = 10,
        device: str = "cpu",
        random_state: int = 0,
    ) -> None:
        if initialisations < FEWEST_INITIALISATIONS:
            raise InputError(
                f"{initialisations} initialisations of hub tokens say more of their random weights "
                "than of the data",
                column="initialisations",
                remedy=f"Average at least {FEWEST_INITIALISATIONS}.",
            )
        if width % heads:
            raise InputError(
                f"a width of {width} cannot be divided among {heads} heads",
                column="width",
                remedy="Use a multiple of the number of heads.",
            )
        self.continuous = continuous
        self.shape: dict[str, Any] = {
            "hubs": hubs, "width": width, "heads": heads, "layers": layers, "dropout": dropout,
        }  # fmt: skip
        self.epochs = epochs
        self.initialisations = initialisations
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.history: list[dict[str, Any]] = []
        self.controls: dict[str, Rung] = {
            "pooled tokens": PooledTokens(continuous=continuous),
            "masks only": MasksOnly(continuous=continuous),
        }

    def fit(
        self, inputs: Inputs, y: np.ndarray, splits: Splits, unlabelled: Inputs | None = None
    ) -> HubTokens:
        """Train the networks.

        Parameters
        ----------
        inputs : Inputs
            Training people (n) with features by unit.
        y : ndarray (n,)
            0/1, or a score.
        splits : list of (train, test)
            Inner folds as positions in the training people; relatives stay together.
        unlabelled : Inputs, optional
            Not used: hubs learn from outcomes alone.

        Raises
        ------
        InputError
            If a block has no tokens, an inner fold one class, or the loss is not a number.
        """
        y = np.asarray(y, dtype=float)
        if not self.continuous:
            refuse_inner_class(y, splits)
            y = (y == y.max()).astype(float)
        self.plans_ = plan_tokens(inputs)
        self._mean, self._sd = (y.mean(), y.std() or 1.0) if self.continuous else (0.0, 1.0)
        target = torch.from_numpy((y - self._mean) / self._sd).float().to(self.device)
        blocks, has = self._tensors(inputs)
        self.history, self.networks_ = [], []
        for number in range(self.initialisations):
            train, held = splits[number % len(splits)]
            with deterministic(self.random_state + 1_000_003 * number, self.device):
                network = self._train(number, blocks, has, target, train, held)
            self.networks_.append(network.eval())
        return self

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Probability of the larger class, or predicted score (n,): mean over initialisations.

        Parameters
        ----------
        inputs : Inputs
            People with the blocks of the training.
        """
        blocks, has = self._tensors(inputs)
        found = []
        with torch.inference_mode():
            for network in self.networks_:
                out = _in_chunks(network, blocks, has).double()
                found.append(out if self.continuous else out.sigmoid())
        return torch.stack(found).mean(dim=0).cpu().numpy() * self._sd + self._mean

    def _tensors(self, inputs: Inputs) -> tuple[list[torch.Tensor], torch.Tensor]:
        blocks = [
            torch.from_numpy(plan.apply(inputs.features[name], inputs.has(name))).float()
            for name, plan in self.plans_.items()
        ]
        has = torch.from_numpy(np.column_stack([inputs.has(name) for name in self.plans_]))
        return [block.to(self.device) for block in blocks], has.to(self.device)

    def _train(self, number, blocks, has, target, train, held) -> HubNetwork:
        """One network from random weights to the smallest held-out loss."""
        shapes = [plan.columns.shape for plan in self.plans_.values()]
        network = HubNetwork(shapes, **self.shape).to(self.device)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        loss_of = mse_loss if self.continuous else binary_cross_entropy_with_logits
        best, lowest, stale = {}, np.inf, 0
        for epoch in range(1, self.epochs + 1):
            network.train()
            seed = (self.random_state, number, epoch)
            total = 0.0
            for batch in draw_batches(len(train), self.batch_size, seed):
                rows = torch.from_numpy(train[batch]).to(self.device)
                loss = loss_of(network([B[rows] for B in blocks], has[rows]), target[rows])
                if not torch.isfinite(loss):
                    self._refuse_loss(number, epoch, blocks)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                total += float(loss.detach()) * len(batch)
            network.eval()
            rows = torch.from_numpy(held).to(self.device)
            with torch.no_grad():
                out = _in_chunks(network, [B[rows] for B in blocks], has[rows])
                validation = float(loss_of(out, target[rows]))
            self.history.append(
                {
                    "initialisation": number + 1,
                    "epoch": epoch,
                    "loss": total / len(train),
                    "validation": validation,
                }
            )
            stale += 1
            if validation < lowest:
                best = {name: value.clone() for name, value in network.state_dict().items()}
                lowest, stale = validation, 0
            if stale > self.patience:
                break
        if not best:
            self._refuse_loss(number, self.epochs, blocks)
        network.load_state_dict(best)
        return network

    def _refuse_loss(self, number: int, epoch: int, blocks: list[torch.Tensor]) -> None:
        largest = {name: float(B.abs().max()) for name, B in zip(self.plans_, blocks, strict=True)}
        block = max(largest, key=largest.get)
        raise InputError(
            f"the loss of hub tokens is not a number in epoch {epoch} of initialisation "
            f"{number + 1}; block '{block}' has the largest value, {largest[block]:.3g} standard "
            "deviations",
            column=block,
            remedy="Lower learning_rate, or look for extreme values in this block.",
        )


def _in_chunks(network: HubNetwork, blocks, has) -> torch.Tensor:
    parts = [
        network([B[first : first + CHUNK] for B in blocks], has[first : first + CHUNK])
        for first in range(0, len(has), CHUNK)
    ]
    return torch.cat(parts)
