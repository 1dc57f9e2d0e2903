"""Train towers on pairs: early stopping on held-out families, checkpoints, resume."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.ladder.agreement import agreement
from neurogenomics_kb.stats.ladder.contrast import Towers
from neurogenomics_kb.stats.ladder.deterministic import deterministic
from neurogenomics_kb.stats.ladder.pairs import Pairs
from neurogenomics_kb.stats.ladder.resume import Checkpoint, Progress, pack, settings_hash, unpack
from neurogenomics_kb.stats.ladder.training import draw_batches, hold_out

HELD_OUT = 0.15
# Epochs between two checkpoints.
EVERY = 5


@dataclass(frozen=True)
class TowerSettings:
    """How towers are trained; everything that a trained tower depends on beside the pairs.

    Attributes
    ----------
    projector : str
        ``linear`` or ``mlp``.
    dim, hidden : int
        Width of the common space and of hidden layers.
    epochs, batch_size : int
        Most epochs, and people in a batch at most.
    learning_rate, weight_decay : float
        Of AdamW.
    temperature : float
        To begin with; it is learned.
    noise : float
        Standard deviation of what is added to standardised features at every step.
    patience : int
        Epochs without progress on held-out families after which training stops.
    device, precision : str
        Where, and ``float32`` or ``bf16``.
    random_state : int
        Of initial weights, held-out families and batches.
    """

    projector: str
    dim: int
    hidden: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    temperature: float
    noise: float
    patience: int
    device: str
    precision: str
    random_state: int


@dataclass(frozen=True)
class TrainedTowers:
    """Towers with the smallest held-out loss.

    Attributes
    ----------
    towers : Towers
        On the device that they were trained on, in single precision.
    history : list of dict
        Epoch, loss, held-out loss (``validation``) and temperature.
    turn : ndarray (dim, dim)
        To axes of the common space, each as long as the towers agree on it, see `agreement`.
    """

    towers: Towers
    history: list[dict[str, Any]]
    turn: np.ndarray

    def embed(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Places (n, dim) of standardised blocks (n, p) on the axes of agreement.

        Parameters
        ----------
        features : dict of str to ndarray (n, p)
            All blocks of the towers.
        """
        device = self.towers.log_scale.device
        with torch.inference_mode():
            tensors = {
                name: torch.from_numpy(np.asarray(X, dtype=np.float32)).to(device)
                for name, X in features.items()
            }
            found = self.towers.embed(tensors)
        return {name: E.double().cpu().numpy() @ self.turn for name, E in found.items()}


class _Noise:
    """Noise of one epoch: rows for two batches, which every batch meets at another place.

    Drawing each number anew would take longer than all products of linear towers.
    """

    def __init__(self, features: dict[str, torch.Tensor], settings: TowerSettings) -> None:
        self.rows = 2 * settings.batch_size
        self.values = {
            name: torch.empty(self.rows, X.shape[1], device=X.device).normal_(0, settings.noise)
            for name, X in features.items()
        }

    def add_to(self, blocks: dict[str, torch.Tensor]) -> None:
        """Add it to every block (n, p) in place, n at most the size of a batch."""
        for name, X in blocks.items():
            start = int(torch.randint(self.rows - len(X) + 1, ()))
            X.add_(self.values[name][start : start + len(X)])


class _Training:
    """One training: what does not change from epoch to epoch, and how far it is."""

    def __init__(self, pairs: Pairs, settings: TowerSettings) -> None:
        self.settings = settings
        widths = {name: X.shape[1] for name, X in pairs.features.items()}
        hidden = settings.hidden if settings.projector == "mlp" else None
        self.towers = Towers(widths, settings.dim, hidden, settings.temperature)
        self.towers.to(settings.device)
        matrices = [p for p in self.towers.parameters() if p.ndim > 1]
        others = [p for p in self.towers.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            fused=True,
        )
        self.train, self.held = hold_out(pairs.groups, HELD_OUT, settings.random_state)
        self.features = {
            name: torch.from_numpy(X).to(settings.device) for name, X in pairs.features.items()
        }
        complete = all(there.all() for there in pairs.has.values())
        self.has = {} if complete else pairs.has
        related = len(np.unique(pairs.groups)) < len(pairs.groups)
        self.families, self.groups = pairs.groups, pairs.groups if related else None
        self.best: dict[str, torch.Tensor] = {}
        self.progress = Progress()

    def loss(self, rows: np.ndarray, noise: _Noise | None = None) -> torch.Tensor | None:
        """Loss of some people, at the settings' precision."""
        if len(rows) < 2 or (self.families[rows] == self.families[rows[0]]).all():
            raise InputError(
                "a batch without negatives: everybody in it is of one family",
                subjects=len(rows),
                of=len(self.train),
                remedy="Use a larger batch_size, or check the column that names the family.",
            )
        index = torch.from_numpy(rows).to(self.settings.device)
        low = self.settings.precision == "bf16"
        kind = torch.device(self.settings.device).type
        blocks = {name: X.index_select(0, index) for name, X in self.features.items()}
        if noise is not None:
            noise.add_to(blocks)
        with torch.autocast(kind, torch.bfloat16) if low else nullcontext():
            found = self.towers.embed(blocks)
        loss = self.towers.loss(
            found,
            {name: there[rows] for name, there in self.has.items()},
            None if self.groups is None else self.groups[rows],
            torch.bfloat16 if low else torch.float32,
        )
        if loss is not None and not torch.isfinite(loss):
            self._refuse_loss(found)
        return loss

    def _refuse_loss(self, found: dict[str, torch.Tensor]) -> None:
        bad = [name for name, E in found.items() if not torch.isfinite(E).all()]
        where = f"the embedding of block '{bad[0]}' is not finite" if bad else "of no single block"
        raise InputError(
            f"the loss of the towers is not a number in epoch {self.progress.epoch + 1}: {where}",
            column=bad[0] if bad else None,
            remedy="Lower learning_rate, or look for extreme values in this block; the last good "
            "checkpoint is kept.",
        )

    def epoch(self) -> None:
        """Train on every person once, then look at held-out families."""
        settings, progress = self.settings, self.progress
        batches = draw_batches(
            len(self.train), settings.batch_size, (settings.random_state, progress.epoch)
        )
        # Noise of this epoch, whether the ones before it ran here or before an interruption.
        torch.manual_seed(settings.random_state + 1_000_003 * (progress.epoch + 1))
        noise = _Noise(self.features, settings) if settings.noise else None
        total, count = 0.0, 0
        for batch in batches:
            loss = self.loss(self.train[batch], noise)
            if loss is None:
                continue
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            total, count = total + float(loss.detach()), count + 1
        held = self._held_out()
        progress.epoch += 1
        progress.history.append(
            {
                "epoch": progress.epoch,
                "loss": total / max(count, 1),
                "validation": held,
                "temperature": 1 / float(self.towers.scale.detach()),
            }
        )
        progress.stale += 1
        if progress.best is None or held < progress.best:
            progress.best, progress.stale = held, 0
            self.best = {name: v.clone() for name, v in self.towers.state_dict().items()}
        progress.finished = progress.epoch >= settings.epochs or progress.stale > settings.patience

    def _held_out(self) -> float:
        # In the same random chunks at every epoch, each about as large as a batch.
        size = self.settings.batch_size
        chunks = draw_batches(len(self.held), size, (self.settings.random_state,))
        with torch.no_grad():
            losses = [self.loss(self.held[chunk]) for chunk in chunks]
        known = [float(loss) for loss in losses if loss is not None]
        return float(np.mean(known)) if known else 0.0


def train_towers(
    pairs: Pairs, settings: TowerSettings, checkpoint: Path | None = None, kind: str = "towers"
) -> TrainedTowers:
    """Train towers, or go on where a training of the same settings and pairs was ended.

    Parameters
    ----------
    pairs : Pairs
        People with two blocks or more.
    settings : TowerSettings
        How.
    checkpoint : Path, optional
        Folder in which every training has one of its own, named by the pairs, so that folds do not
        get in each other's way.
    kind : str
        What the pairs are, for the name of that folder.

    Returns
    -------
    TrainedTowers

    Raises
    ------
    InputError
        If a batch has no negatives, the loss is not a number, or the checkpoint is of other
        settings.
    """
    store = None
    if checkpoint is not None:
        digest = pairs.digest()
        own = settings_hash({**asdict(settings), "kind": kind, "pairs": digest})
        store = Checkpoint(checkpoint / f"{kind}_{digest}", own)
    with deterministic(settings.random_state, settings.device):
        training = _Training(pairs, settings)
        if store is not None and (saved := store.load()) is not None:
            training.progress, tensors = saved
            training.best = unpack(tensors, training.towers, training.optimiser)
        while not training.progress.finished:
            training.epoch()
            done = training.progress
            if store is not None and (done.finished or done.epoch % EVERY == 1):
                store.save(done, pack(training.towers, training.best, training.optimiser))
    training.towers.load_state_dict(training.best)
    straight = TrainedTowers(training.towers, training.progress.history, np.eye(settings.dim))
    held = pairs.take(training.held)
    return replace(straight, turn=agreement(straight.embed(held.features), held.has))
