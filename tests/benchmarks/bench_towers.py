"""One epoch of two towers beside the bare matrix products in it: ``make benchmark``.

20,000 people with two blocks of 512 columns, the default settings of the rung. The products are
those of both towers, of the similarities and of the gradients by weights and similarities, on
matrices of the same shapes, batch by batch, held-out families included; nothing is chosen,
normalised, exponentiated or updated there. Medians over turns taken alternately, processor time,
one thread.
"""

from __future__ import annotations

import inspect
import time

import numpy as np
import torch

from neurogenomics_kb.stats.ladder.deterministic import deterministic
from neurogenomics_kb.stats.ladder.pairs import Pairs
from neurogenomics_kb.stats.ladder.tower_training import TowerSettings, _Training
from neurogenomics_kb.stats.ladder.two_towers import TwoTowers

PEOPLE, COLUMNS, TURNS = 20_000, 512, 5


def pairs() -> Pairs:
    """Noise: training takes the same time."""
    rng = np.random.default_rng(0)
    features = {
        name: rng.normal(size=(PEOPLE, COLUMNS)).astype(np.float32) for name in ("gene", "brain")
    }
    has = {name: np.ones(PEOPLE, dtype=bool) for name in features}
    # A third of the people in pairs of siblings.
    groups = np.arange(PEOPLE)
    groups[1:6000:2] = groups[0:6000:2]
    return Pairs(features, has, groups, {})


def settings(projector: str) -> TowerSettings:
    """The rung's defaults."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(TwoTowers).parameters.items()
    }
    fields = TowerSettings.__dataclass_fields__
    return TowerSettings(**{n: v for n, v in defaults.items() if n in fields} | {
        "projector": projector
    })  # fmt: skip


def bare(training: _Training) -> float:
    """Processor seconds of the products of one epoch."""
    own = training.settings
    size, dim = own.batch_size, own.dim
    widths = [(COLUMNS, dim)]
    if own.projector == "mlp":
        widths += [(COLUMNS, own.hidden), (own.hidden, dim)]
    start = time.process_time()
    with torch.no_grad():
        for people, train in ((len(training.train), True), (len(training.held), False)):
            for n in [len(part) for part in np.array_split(np.arange(people), -(-people // size))]:
                for _ in range(2):
                    for a, b in widths:
                        _product(n, a, b)
                        if train:
                            _product(a, n, b)
                    if train and own.projector == "mlp":
                        _product(n, dim, own.hidden)
                _product(n, dim, n)
                if train:
                    _product(n, n, dim)
                    _product(n, n, dim)
    return time.process_time() - start


_MATRICES: dict[tuple[int, int], torch.Tensor] = {}


def _product(n: int, m: int, k: int) -> None:
    """(n × m) times (m × k)."""
    for shape in ((n, m), (m, k)):
        if shape not in _MATRICES:
            _MATRICES[shape] = torch.randn(shape)
    _ = _MATRICES[n, m] @ _MATRICES[m, k]


def main() -> None:
    """Print the ratios."""
    torch.set_num_threads(1)
    everybody = pairs()
    for projector in ("linear", "mlp"):
        with deterministic(0):
            training = _Training(everybody, settings(projector))
            whole, alone = [], []
            bare(training)
            for _ in range(TURNS):
                start = time.process_time()
                training.epoch()
                whole.append(time.process_time() - start)
                alone.append(bare(training))
        ratio = np.median(whole) / np.median(alone)
        print(
            f"{projector:7} one epoch {np.median(whole):5.2f} s, {ratio:4.2f} times the bare "
            f"products ({np.median(alone):5.2f} s)"
        )


if __name__ == "__main__":
    main()
