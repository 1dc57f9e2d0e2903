"""What a run costs is predicted from its size, and said before a long one."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.pipelines.integration import cost_said
from neurogenomics_kb.pipelines.integration.cost import (
    MEMORY,
    STAGES,
    TERMS,
    Cost,
    Speed,
    StageCost,
    Workload,
    predict_cost,
    stage_of,
)
from neurogenomics_kb.pipelines.integration.cost_said import (
    announce_cost,
    describe_cost,
    measure_speed,
    read_coefficients,
    workload_of,
)
from neurogenomics_kb.pipelines.integration.pipeline import create_pipeline
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import Experiment
from neurogenomics_kb.registry.recipe import resolve_recipe

ROOT = Path(__file__).parents[2]
WORKLOAD = Workload.of(
    20_000, (9_728, 512), wanted=(512, 512), units=38, folds=5, permutations=200
)  # fmt: skip
COEFFICIENTS = {
    "speed": {"gflops": 40.0, "gbps": 10.0},
    "seconds": {
        "projection": {"cross products": 0.025, "once": 2.0},
        "audit": {"permuted people": 3.0},
        "tables": {"cells": 10.0},
    },
    "gigabytes": {"projection": {"cells": 2.0, "once": 0.3}, "audit": {"once": 0.5}},
}


def stage(cost: Cost, name: str) -> StageCost:
    return next(each for each in cost.stages if each.name == name)


def test_dimensions_are_those_that_a_training_fold_allows():
    assert WORKLOAD.dims == (512, 512)
    small = Workload.of(2_000, (9_728, 40), wanted=(512, 512), units=38, folds=5, permutations=200)
    assert small.dims == (80, 40)


def test_a_prediction_is_the_sum_of_its_terms():
    cost = predict_cost(WORKLOAD, COEFFICIENTS, Speed(40.0, 10.0))
    products = 5 * (2 * 20_000 * 9_728**2 + 2 * 20_000 * 512**2) / 1e9
    assert stage(cost, "projection").seconds == pytest.approx(2 + 0.025 * products)
    assert stage(cost, "audit").seconds == pytest.approx(3 * 8 * 200 * 20_000 / 1e9)
    assert stage(cost, "projection").gigabytes == pytest.approx(0.3 + 2 * 8 * 20_000 * 10_240 / 1e9)
    assert cost.seconds == pytest.approx(sum(each.seconds for each in cost.stages))
    assert cost.gigabytes == stage(cost, "projection").gigabytes
    assert stage(cost, "report").seconds == 0


def test_another_machine_scales_arithmetic_and_memory_apart():
    here = predict_cost(WORKLOAD, COEFFICIENTS, Speed(40.0, 10.0))
    there = predict_cost(WORKLOAD, COEFFICIENTS, Speed(20.0, 40.0))
    ours, theirs = stage(here, "projection").seconds, stage(there, "projection").seconds
    assert theirs - 2 == pytest.approx(2 * (ours - 2))
    assert stage(there, "audit").seconds == pytest.approx(stage(here, "audit").seconds / 4)
    assert there.gigabytes == here.gigabytes


def test_workers_shorten_what_can_be_spread_and_hold_memory():
    cost = predict_cost(WORKLOAD, COEFFICIENTS, Speed(40.0, 10.0))
    alone = stage(cost, "tables").seconds
    assert cost.wall(4) == pytest.approx(alone + (cost.seconds - alone) / 4)
    assert cost.wall(1) == pytest.approx(cost.seconds)
    assert cost.memory(4) == pytest.approx(cost.gigabytes + 1.2)
    assert cost.memory(1) == cost.gigabytes


def test_every_stage_is_made_of_known_terms_and_nodes():
    nodes = {node.name for node in create_pipeline().nodes}
    for name, each in STAGES.items():
        assert set(each.terms) <= set(TERMS), name
        own = [n for n in each.nodes if not n.endswith(".")]
        assert set(own) <= nodes, name
        assert all(stage_of(node) == name for node in own)
    assert set(COEFFICIENTS["gigabytes"]["projection"]) <= set(MEMORY)
    assert stage_of("reporting.build_view") == "report"
    assert stage_of("integration.assemble_cohort") == "tables"
    amounts = [term(WORKLOAD) for _, term in TERMS.values()]
    assert np.isfinite(amounts).all()
    assert min(amounts) > 0


def test_the_log_names_stages_cores_and_workers():
    cost = predict_cost(WORKLOAD, COEFFICIENTS, Speed(40.0, 10.0))
    lines = describe_cost(cost, cores=8, workers=32)
    assert "20,000 people, 9,728 + 512 columns, 200 permutations" in lines[0]
    assert len(lines) == 1 + len(STAGES) - 1 + 1
    own = next(line for line in lines if "projection" in line)
    assert f"{stage(cost, 'projection').seconds / 3600:.2f} h" in own
    for n, what in ((1, "core"), (8, "cores"), (32, "workers")):
        assert f"{cost.wall(n) / 3600:.2f} h and {cost.memory(n):.1f} GB on {n} {what}" in lines[-1]


def test_the_speed_of_this_machine_is_possible():
    speed = measure_speed(size=256, megabytes=8, repeats=2)
    assert 0.05 < speed.gflops < 10_000
    assert 0.05 < speed.gbps < 10_000


@pytest.fixture
def run():
    experiment = Experiment(
        id="e",
        blocks={"gene": "genetics_gene_fm_pca512_v1", "brain": "smri_free_surfer_pca512_v1"},
        outcome="mdd_diagnosis",
        folds={"scheme": "stratified", "n_splits": 5, "seed": 1},
        analyses=["cca", "logo"],
        attribution_block="gene",
        n_permutations=200,
    )
    recipe = resolve_recipe(experiment, Registry(ROOT / "kb"), "scale")
    names = [f"genomics__caduceus_ps_131k__G{g}__{k}" for g in range(3) for k in range(4)]
    gene = pd.DataFrame(np.zeros((3_000, 12)), columns=names)
    brain = pd.DataFrame(np.zeros((3_000, 30)), columns=[f"smri__volume__R{k}" for k in range(30)])
    return recipe, {"gene": gene, "brain": brain}


def test_the_size_of_a_run_is_read_off_its_recipe_and_blocks(run):
    found = workload_of(*run)
    assert found == Workload(3_000, (12, 30), (12, 30), 3, 5, 200, run[0].experiment.n_bootstraps)


def test_only_long_runs_say_what_they_cost(run, tmp_path, monkeypatch, caplog):
    path = tmp_path / "cost.json"
    monkeypatch.setattr(cost_said, "read_coefficients", lambda: read_coefficients(path))
    caplog.set_level(logging.INFO)
    announce_cost(*run)
    assert not caplog.records
    for seconds, said in ((100.0, False), (7_200.0, True)):
        path.write_text(json.dumps(COEFFICIENTS | {"seconds": {"audit": {"once": seconds}}}))
        caplog.clear()
        announce_cost(*run)
        assert bool(caplog.records) is said
    assert "3,000 people, 12 + 30 columns" in caplog.text
    assert "2.00 h" in caplog.text
