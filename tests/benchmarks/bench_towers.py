"""One epoch of two towers beside the bare matrix products in it: ``make benchmark``.

20,000 people with two blocks of 512 columns, the default settings of the rung. The products are
those of both towers, of the similarities and of the gradients by weights and similarities, on
matrices of the same shapes, batch by batch, held-out families included; nothing is chosen,
normalised, exponentiated or updated there. Medians over turns taken alternately, processor time,
one thread.
"""

from __future__ import annotations

import inspect
from functools import partial

import numpy as np
import torch
from tests.benchmarks.harness import Record, Side, compare

from neurogenomics_kb.stats.ladder.deterministic import deterministic
from neurogenomics_kb.stats.ladder.pairs import Pairs
from neurogenomics_kb.stats.ladder.tower_training import TowerSettings, _Training
from neurogenomics_kb.stats.ladder.two_towers import TwoTowers

PEOPLE, COLUMNS, TURNS = 20_000, 512, 5


def pairs(people: int) -> Pairs:
    """Noise: training takes the same time."""
    rng = np.random.default_rng(0)
    features = {
        name: rng.normal(size=(people, COLUMNS)).astype(np.float32) for name in ("gene", "brain")
    }
    has = {name: np.ones(people, dtype=bool) for name in features}
    # A third of the people in pairs of siblings.
    groups = np.arange(people)
    third = people // 10 * 3
    groups[1:third:2] = groups[0:third:2]
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


def bare(training: _Training) -> None:
    """The products of one epoch."""
    own = training.settings
    size, dim = own.batch_size, own.dim
    widths = [(COLUMNS, dim)]
    if own.projector == "mlp":
        widths += [(COLUMNS, own.hidden), (own.hidden, dim)]
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


_MATRICES: dict[tuple[int, int], torch.Tensor] = {}


def _product(n: int, m: int, k: int) -> None:
    """(n × m) times (m × k)."""
    for shape in ((n, m), (m, k)):
        if shape not in _MATRICES:
            _MATRICES[shape] = torch.randn(shape)
    _ = _MATRICES[n, m] @ _MATRICES[m, k]


def run(tiny: bool = False) -> list[Record]:
    """One epoch beside its products.

    Parameters
    ----------
    tiny : bool
        Sizes at which only agreement is of interest.
    """
    torch.set_num_threads(1)
    people = 400 if tiny else PEOPLE
    everybody = pairs(people)
    records = []
    for projector in ("linear",) if tiny else ("linear", "mlp"):
        with deterministic(0):
            training = _Training(everybody, settings(projector))

            def trained(_epoch, _products, towers=training.towers) -> str:
                assert all(bool(torch.isfinite(p).all()) for p in towers.parameters())
                return "weights stay finite"

            records.append(
                compare(
                    f"two towers, one epoch ({projector})",
                    Side(training.epoch),
                    Side(partial(bare, training)),
                    size=f"{people:,} × {COLUMNS} + {COLUMNS}",
                    alternative="bare products",
                    agree=trained,
                    turns=1 if tiny else TURNS,
                )
            )
    return records


if __name__ == "__main__":
    for record in run():
        print(record)
