"""The guides to cohorts, typed from top to bottom in a copy of the project."""

from __future__ import annotations

import re

import pandas as pd
import pytest
import yaml

from tests.conftest import ROOT
from tests.docs.test_commands import COHORT_GUIDES, Checkout, commands_of

ADD, UKB = (ROOT / page for page in COHORT_GUIDES)
PLACEHOLDER = re.compile(r"TODO: .*?(?='|$)", flags=re.M)


def files_of(page) -> dict[str, str]:
    """YAML blocks that begin with the name of the file that they are."""
    blocks = re.findall(r"```yaml\n# (conf/\S+)\n(.*?)```", page.read_text(), flags=re.S)
    return dict(blocks)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return Checkout(tmp_path_factory.mktemp("cohorts") / "neurogenomics")


@pytest.fixture(scope="module")
def drafted(checkout):
    """Steps 1 to 3: the draft, corrected as the guide says, and the environment."""
    first, *_ = commands_of(ADD)
    checkout.shell(first)
    card = checkout.path / "kb/datasets/my_cohort.yaml"
    checkout.draft = card.read_text()
    lines = [
        line for line in checkout.draft.splitlines() if not line.startswith(("status:", "reason:"))
    ]
    card.write_text(PLACEHOLDER.sub("filled in", "\n".join(lines)) + "\n")
    for name, text in files_of(ADD).items():
        file = checkout.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return checkout


def test_the_draft_names_what_strategies_ask_for(drafted):
    card = yaml.safe_load(drafted.draft)
    names = {c["name"] for c in card["tables"]["participants"]["columns"].values()}
    assert {"age", "sex", "site", "family_id", "sequencing_batch", "mdd_diagnosis"} <= names
    assert {f"pc{i}" for i in range(1, 11)} <= names
    assert card["status"] == "planned"
    people = pd.read_csv(drafted.path / "data/01_raw/demo/participants.tsv", sep="\t", dtype=str)
    for column in ("participant_id", "family_id", "pc1"):
        assert not [v for v in people[column] if v in drafted.draft]


def test_the_card_and_the_environment_are_valid(drafted):
    done = drafted.kedro("kb", "validate")
    assert "my_cohort" not in done.stdout
    assert "filled in" in drafted.kedro("kb", "show", "my_cohort").stdout


@pytest.mark.slow
def test_the_new_cohort_runs_by_its_environment_alone(drafted):
    for command in commands_of(ADD)[1:]:
        said = drafted.shell(command).stdout
    assert "my_cohort-my_gene_brain-" in said
    folder = drafted.path / "data/05_model_input/my_cohort/my_gene_brain"
    flow = pd.read_csv(folder / "sample_flow.csv")
    assert flow["remaining"].iloc[0] == 400
    assert flow["remaining"].iloc[-1] > 350
    metrics = drafted.outputs("my_cohort", "my_gene_brain") / "metrics.csv"
    assert {"gene", "brain", "fusion"} <= set(pd.read_csv(metrics)["model"])


@pytest.mark.slow
def test_a_simulated_extract_runs(checkout):
    for command in commands_of(UKB):
        checkout.shell(command)
    assert list((checkout.path / "kb/results/local").glob("ukb-ukb_gene_brain-*.yaml"))
