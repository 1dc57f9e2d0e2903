"""The figure of the sample shows what the result card shows, and no more."""

from __future__ import annotations

import pandas as pd
import pytest

from neurogenomics_kb.pipelines.reporting.figures import draw_sample_flow
from neurogenomics_kb.pipelines.reporting.parameters import DisclosureParameters
from neurogenomics_kb.registry.disclosure import suppress_flow, texts_of_figure

FLOW = pd.DataFrame(
    {
        "step": ["in the table", "no image", "call rate", "motion"],
        "excluded": [0, 3, 4, 12],
        "remaining": [400, 397, 393, 381],
    }
)


def test_counts_that_the_card_hides_are_not_drawn():
    figure = draw_sample_flow(FLOW, DisclosureParameters())
    drawn = " | ".join(texts_of_figure(figure))
    assert "397" not in drawn
    assert "393" in drawn
    assert "400" not in drawn  # 400 − 393 would tell the seven
    assert "381, 12 left out" in drawn
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    shown = suppress_flow(FLOW.to_dict("records"))
    assert widths == [s["remaining"] if s["remaining"] != "hidden" else 0 for s in shown]


def test_a_cohort_may_show_less_but_never_below_the_floor():
    drawn = " | ".join(
        texts_of_figure(draw_sample_flow(FLOW, DisclosureParameters(minimum_cell=7)))
    )
    assert "400" in drawn
    with pytest.raises(ValueError, match="greater than or equal to 5"):
        DisclosureParameters(minimum_cell=1)
