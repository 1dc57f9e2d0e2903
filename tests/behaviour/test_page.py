"""What the page on behaviour shows can be typed."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import yaml

from neurogenomics_kb.pipelines.behaviour.parameters import BehaviourQuality, InstrumentParameters
from neurogenomics_kb.registry.cards import Instrument
from tests.conftest import ROOT

PAGE = (ROOT / "docs/integration/modality_features/behaviour.md").read_text()


def examples(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_parameters_and_card_are_valid():
    parameters, card = (yaml.safe_load(text) for text in examples("yaml"))
    InstrumentParameters.model_validate(parameters["behaviour"]["instruments"])
    BehaviourQuality.model_validate(parameters["behaviour"]["quality"])
    assert Instrument.model_validate(card).norms.scales["total"][1].mean == 3.6


def test_code_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        np.clip(rng.normal(40, 6, (200, 5)).round(), 12, 60),
        columns=["NEO_N", "NEO_E", "NEO_O", "NEO_A", "NEO_C"],
    ).assign(age=rng.uniform(18, 26, 200), sex=rng.choice(["male", "female"], 200))
    table.loc[3, "age"] = np.nan
    found = {"table": table}
    exec(examples("python")[0], found)
    assert found["scores"].shape == (199, 2)
