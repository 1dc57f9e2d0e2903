"""Training of the unlearning head; the one module of harmonization that needs PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

# The judge must keep up with the head, or confusing it shows nothing.
JUDGE_STEPS = 8


class Head(nn.Module):
    """Features to embedding, one hidden layer."""

    def __init__(self, p: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(p, hidden), nn.Linear(hidden, dim)

    def forward(self, x):
        """Embedding (n, dim) of standardised features (n, p)."""
        return self.out(F.relu(self.hidden(x)))


@contextmanager
def one_seeded_thread(seed: int):
    """Seed PyTorch on one thread, and leave its state as it was."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def train_head(
    X: np.ndarray,
    site: np.ndarray,
    tasks: Sequence[np.ndarray],
    *,
    dim: int,
    hidden: int,
    reconstruction: float,
    confusion: float,
    warm_up: int,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
) -> tuple[dict[str, np.ndarray], float]:
    """Alternate main task, site classifier and confusion.

    One function, since its parts are the closures of one training loop; its parameters are those
    of `SiteUnlearning`, without its defaults.

    Parameters
    ----------
    X : ndarray (n, p)
        Standardised features.
    site : ndarray of int (n,)
        Number of every row's site, from 0.
    tasks : sequence of ndarray (n,)
        Floats are regressed, integers classified.
    dim, hidden : int
        Columns of the embedding, and width of the hidden layers.
    reconstruction, confusion : float
        Weight of the reconstruction, and learning rate of the confusion relative to the others.
    warm_up, epochs : int
        Passes over the rows without and with the confusion.
    learning_rate : float
        Of the main task and the site classifier.
    batch_size, seed : int
        Rows per step, and seed of weights and order.

    Returns
    -------
    weights : dict of str to ndarray
        Of the head, in double precision.
    site_accuracy : float
        Balanced accuracy of the site classifier on these rows.
    """
    with one_seeded_thread(seed):
        n, p = X.shape
        x = torch.tensor(X, dtype=torch.float32)
        d = torch.tensor(site, dtype=torch.long)
        n_sites = int(site.max()) + 1
        targets = [
            torch.tensor(t, dtype=torch.float32 if t.dtype.kind == "f" else torch.long)
            for t in tasks
        ]
        outputs = [1 if t.dtype.kind == "f" else int(t.max()) + 1 for t in tasks]
        head = Head(p, hidden, dim)
        predictors = nn.ModuleList([nn.Linear(dim, k) for k in outputs])
        # The decoder is told the site, so that the embedding need not hold it (Moyer et al.,
        # Magnetic Resonance in Medicine 2020).
        decoder = nn.Linear(dim + n_sites, p)
        told = F.one_hot(d, n_sites).float()
        judge = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, n_sites))
        # Sites weigh alike whatever their size, in the judge's loss and in the confusion.
        weight = torch.tensor(n / (n_sites * np.bincount(site)), dtype=torch.float32)
        main = torch.optim.Adam(
            [*head.parameters(), *predictors.parameters(), *decoder.parameters()],
            lr=learning_rate,
            weight_decay=1e-4,
        )
        judging = torch.optim.Adam(judge.parameters(), lr=learning_rate)
        confusing = torch.optim.Adam(head.parameters(), lr=confusion * learning_rate)

        def main_loss(rows):
            z = head(x[rows])
            loss = reconstruction * F.mse_loss(decoder(torch.cat([z, told[rows]], dim=1)), x[rows])
            for predict, target in zip(predictors, targets, strict=True):
                given = predict(z)
                if target.dtype == torch.long:
                    loss = loss + F.cross_entropy(given, target[rows])
                else:
                    loss = loss + F.mse_loss(given[:, 0], target[rows])
            return loss

        def step(optimiser, loss):
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

        for epoch in range(warm_up + epochs):
            for rows in torch.randperm(n).split(batch_size):
                step(main, main_loss(rows))
                with torch.no_grad():
                    z = head(x[rows])
                for _ in range(JUDGE_STEPS):
                    step(judging, F.cross_entropy(judge(z), d[rows], weight=weight))
                if epoch >= warm_up:
                    each = -F.log_softmax(judge(head(x[rows])), dim=1).mean(dim=1)
                    # Its smallest value, log of the number of sites, is at a uniform answer.
                    step(confusing, (weight[d[rows]] * each).mean())
        with torch.no_grad():
            guess = judge(head(x)).argmax(dim=1).numpy()
        recalls = [(guess[site == s] == s).mean() for s in range(n_sites)]
        weights = {k: v.detach().numpy().astype(float) for k, v in head.state_dict().items()}
    return weights, float(np.mean(recalls))
