"""Every predictor card through a whole run: its rows stand on the result card and in the report."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from tests.stats.prediction import tiny_tabicl

pytestmark = pytest.mark.slow
LACKING = ["tabpfn_in_context"]


@pytest.fixture(scope="module")
def finished(project):
    """A run of all cards, the pretrained one on weights that the tests train."""
    pytest.importorskip("tabicl")
    cards = Registry(project.path / "kb").ids("predictor")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NGKB_TABICL", str(tiny_tabicl.trained()))
        patch.delenv("NGKB_TABPFN", raising=False)
        folds = {"scheme": "stratified_grouped", "n_splits": 3, "group": "family_id", "seed": 42}
        # `linear` first: verdicts are those of the first.
        algorithms = ["linear", *(card for card in cards if card != "linear")]
        project.run(*project.changed(analyses=["prediction"], algorithms=algorithms, folds=folds))
    return project, algorithms


def test_there_is_a_card_for_every_type():
    cards = Registry("kb")
    types = {cards.get(name, "predictor").settings.type for name in cards.ids("predictor")}
    assert types == set(PREDICTORS)


def test_every_card_has_its_row_on_the_result_card(finished):
    project, algorithms = finished
    card = yaml.safe_load(project.results[-1].read_text())
    table = pd.read_csv(project.results[-1].with_suffix("") / "metrics.csv")
    rows = table[(table["metric"] == "auroc") & (table["model"] == "fusion")]
    assert set(rows["algorithm"]) == set(algorithms) - set(LACKING)
    assert rows["value"].between(0.5, 1).all()
    assert rows.set_index("algorithm")["ci_high"].notna().all()
    told = [text for text in card["warnings"] if text.startswith("Not run: ")]
    assert [text.split(": ")[1] for text in told] == LACKING
