"""The cost model: what it is fitted to it finds again, larger runs it predicts; its page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neurogenomics_kb.calibration import scale
from neurogenomics_kb.calibration.scale_page import BEGIN, END, page_with, render_scale
from neurogenomics_kb.calibration.slopes import (
    by_stage,
    errors,
    exponents,
    fit_costs,
    relative_nnls,
    workload_of_run,
)
from neurogenomics_kb.pipelines.integration.cost import (
    MEMORY,
    STAGES,
    TERMS,
    Speed,
    Workload,
    predict_cost,
)
from neurogenomics_kb.pipelines.integration.cost_said import read_coefficients

ROOT = Path(__file__).parents[2]
REFERENCE = {"gflops": 40.0, "gbps": 10.0}
# What each unit of a term takes in the simulated truth: as fast as a product or a copy, or a few
# times slower.
TRUE_S = {"fixed": 3.0, "flops": 0.04, "bytes": 0.6}


def simulate(people: int, columns: int, permutations: int, noise, dim=512, **others) -> dict:
    """A run as it is stored, with times of known terms."""
    w = Workload.of(
        people, (columns, 512), wanted=(dim, dim), units=38, folds=5, permutations=permutations
    )
    speed = others.pop("speed", REFERENCE)
    slower = {"fixed": 1.0, "flops": 40 / speed["gflops"], "bytes": 10 / speed["gbps"]}
    nodes = []
    for stage in STAGES.values():
        kinds = [TERMS[term][0] for term in stage.terms]
        # Half of the terms, so that the fit has something to leave out.
        terms = list(zip(stage.terms, kinds, strict=True))[::2]
        seconds = sum(TRUE_S[k] * TERMS[t][1](w) * slower[k] for t, k in terms)
        held = 0.4 + 1.5 * MEMORY["cells"](w)
        own = stage.nodes[0] if stage.nodes else "smri.build_features"
        own = f"{own}build_view" if own.endswith(".") else own
        nodes.append(
            {"node": own, "wall_s": seconds, "cpu_s": seconds * noise(), "peak_mb": 1000 * held}
        )
    return {"workload": vars(w), "speed": speed, "machine": "simulated, 2 cores",
            "date": "2026-01-01", "check": False, "nodes": nodes} | others  # fmt: skip


def runs(noise) -> list[dict]:
    return [
        simulate(people, columns, permutations, noise)
        for people in (5_000, 10_000)
        for columns in (4_864, 9_728)
        for permutations in (50, 200)
    ]


@pytest.mark.parametrize(("spread", "allowed"), [(0.0, 0.02), (0.05, 0.25)])
def test_a_larger_run_is_predicted(spread, allowed):
    rng = np.random.default_rng(0)
    coefficients = fit_costs(runs(lambda: 1 + spread * rng.uniform(-1, 1)))
    check = simulate(20_000, 9_728, 200, lambda: 1.0)
    *stages, whole = errors(check, coefficients)
    assert whole[0] == "in all"
    assert whole[1] == pytest.approx(whole[2], rel=allowed)
    assert whole[3] == pytest.approx(whole[4], rel=allowed)
    assert whole[2] == pytest.approx(sum(row[2] for row in stages))


def test_runs_of_another_machine_are_brought_to_the_first_ones():
    both = runs(lambda: 1.0)
    slow = {"gflops": 10.0, "gbps": 5.0}
    both[1:] = [
        simulate(w.people, w.columns[0], w.permutations, lambda: 1.0, speed=slow)
        for w in map(workload_of_run, both[1:])
    ]
    coefficients = fit_costs(both)
    assert coefficients["speed"] == REFERENCE
    check = simulate(10_000, 9_728, 200, lambda: 1.0)
    assert errors(check, coefficients)[-1][1] == pytest.approx(
        errors(check, coefficients)[-1][2], rel=0.02
    )
    slower = predict_cost(workload_of_run(check), coefficients, Speed(**slow)).seconds
    assert slower > 1.9 * errors(check, coefficients)[-1][1]


def test_coefficients_are_never_negative_and_errors_relative():
    amounts = np.array([[1.0, 1.0], [1.0, 10.0], [1.0, 100.0]])
    observed = np.array([5.0, 4.0, 3.0])  # falls where every term grows
    found = relative_nnls(("once", "more"), amounts, observed, 0.1)
    assert set(found) == {"once"}
    # Of 5, 4 and 3 the constant of least relative error lies below their mean.
    weights = 1 / observed
    assert found["once"] == pytest.approx(weights.sum() / (weights**2).sum(), rel=1e-4)


def test_stages_add_up_their_nodes():
    nodes = [
        {"node": "integration.audit_confounding", "wall_s": 1, "cpu_s": 3.0, "peak_mb": 800.0},
        {"node": "integration.judge_audit", "wall_s": 1, "cpu_s": 1.0, "peak_mb": 900.0},
        {"node": "smri.build_features", "wall_s": 1, "cpu_s": 2.0, "peak_mb": 100.0},
    ]
    found = by_stage(nodes)
    assert found["audit"] == (4.0, 0.9)
    assert found["tables"] == (2.0, 0.1)
    assert found["projection"] == (0.0, 0.0)


def test_exponents_compare_like_with_like():
    both = [simulate(n, 9_728, 200, lambda: 1.0, dim=200) for n in (20_000, 5_000)]
    for run, seconds in zip(both, (160.0, 10.0), strict=True):
        run["nodes"] = [{"node": "integration.project_blocks", "wall_s": 1, "cpu_s": seconds,
                         "peak_mb": 1.0}]  # fmt: skip
    other = simulate(40_000, 4_864, 200, lambda: 1.0, dim=200)
    more = simulate(40_000, 9_728, 200, lambda: 1.0, dim=512)
    assert exponents([*both, other, more]) == {"projection": (5_000, 20_000, pytest.approx(2.0))}
    assert exponents([other]) == {}


def test_the_page_shows_runs_exponents_errors_and_biobanks():
    stored = [*runs(lambda: 1.0), simulate(20_000, 9_728, 200, lambda: 1.0, check=True),
              simulate(20_000, 9_728, 200, lambda: 1.0, dim=200, check=True)]  # fmt: skip
    coefficients = fit_costs([run for run in stored if not run["check"]])
    page = render_scale(stored, coefficients)
    assert page.count("| to fit |") == 8
    assert page.count("| to check |") == 2
    assert "## Predicted and measured: 20,000 × 9,728 + 512, to 512 + 512, 200 permutations" in page
    name, predicted, measured, *_ = errors(stored[-1], coefficients)[-1]
    assert f"| {name} | {predicted / 3600:.3f} | {measured / 3600:.3f} |" in page
    assert "between 5,000 and 20,000 people" in page
    assert page.count("| 500,000 |") == len(STAGES) + 1
    assert "Nothing is stored yet" in render_scale([], None)


def test_docs_show_what_is_stored():
    text = (ROOT / scale.PAGE).read_text(encoding="utf-8")
    stored = render_scale(scale.read_runs(ROOT / scale.RUNS), read_coefficients())
    assert page_with(text, stored) == text


def test_a_run_takes_the_place_of_an_older_one_of_its_size(tmp_path):
    path = tmp_path / "slopes.json"
    scale.store(simulate(5_000, 9_728, 200, lambda: 1.0), path)
    scale.store(simulate(5_000, 9_728, 50, lambda: 1.0), path)
    scale.store(simulate(5_000, 9_728, 200, lambda: 1.0, machine="another"), path)
    found = json.loads(path.read_text())
    assert sorted((r["workload"]["permutations"], r["machine"]) for r in found) == [
        (50, "simulated, 2 cores"), (200, "another"),
    ]  # fmt: skip


def test_only_what_is_between_the_markers_changes():
    assert page_with(f"a\n{BEGIN}\nold\n{END}\nz\n", "new") == f"a\n{BEGIN}\n\nnew\n{END}\nz\n"
