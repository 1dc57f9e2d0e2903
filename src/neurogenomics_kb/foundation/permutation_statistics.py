"""Which statistics a permutation test of canonical correlation can have.

The list stands here because experiments are checked against it and the test itself looks its
statistic up by name, and neither knows the other.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from neurogenomics_kb.foundation.choices import Part, Parts


class StatisticOptions(BaseModel):
    """Options of a statistic; a new one has a field ``type``, a Literal of its name.

    Its builder takes the options and gives a function ``(G, roots) -> values``: the coupling of
    the orthonormal variates (q × p), and the largest root of each trailing block ``G[k:, k:]``,
    k = 0 … C − 1. The values (C,) are one per block, larger for a stronger association; they are
    compared with those of permuted rows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __str__(self) -> str:
        return str(getattr(self, "type", type(self).__name__))


class WilksOptions(StatisticOptions):
    """Wilks' lambda, which adds up what all roots of a block say."""

    type: Literal["wilks"]


class RoyOptions(StatisticOptions):
    """Roy's largest root, for one axis that stands out."""

    type: Literal["roy"]


PLACE = "neurogenomics_kb.stats.inference.statistics"
# A new statistic is a module with its options and builder, and a line here.
STATISTICS = Parts(
    "permutation statistic",
    "type",
    {
        "wilks": Part(WilksOptions, f"{PLACE}:build_wilks"),
        "roy": Part(RoyOptions, f"{PLACE}:build_roy"),
    },
)
Statistic = Annotated[str | StatisticOptions, STATISTICS.name_field]
