from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from neurogenomics_kb.project.commands import kb as kb_command
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.publish import publish_result
from neurogenomics_kb.registry.site import Catalogue
from tests.registry.results import whole

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shipped():
    return Catalogue(Registry(ROOT / "kb"))


def test_every_card_has_a_page_and_every_type_a_list(shipped):
    pages = shipped.pages()
    for card_id in shipped.registry.ids():
        kind = shipped.registry.type_of(card_id)
        assert f"catalogue/{kind}/{card_id}.md" in pages
        assert f"[{card_id}]".replace("_", r"\_") in pages[f"catalogue/{kind}/index.md"]


def test_model_page_leads_to_code_paper_and_strategy(shipped):
    page = shipped.pages()["catalogue/model/caduceus_ps_131k.md"]
    for wanted in (
        "(../paper/caduceus_2024.md)",
        "(../embedding_strategy/genetics_gene_fm_pca512_v1.md)",
        "https://github.com/kuleshov-group/caduceus/blob/"
        "0060a6d8079b6a040fc55d505e15972a327b70a6/caduceus/modeling_rcps.py",
        "| pretraining cohorts | none.",
        "| weights | ",
        "(../../models/genetics/caduceus.md)",
        "NGKB",
        "| looked up |",
    ):
        assert wanted in page, wanted
    planned = shipped.pages()["catalogue/model/evo2.md"]
    assert "Planned: it cannot run yet" in planned


def test_strategy_and_experiment_pages_list_their_results(shipped):
    pages = shipped.pages()
    strategy = pages["catalogue/embedding_strategy/smri_free_surfer_pca512_v1.md"]
    assert "(../result/demo-demo_gene_brain-" in strategy
    assert (
        "kedro run --config conf/experiments/01_cca_gene_smri.yml"
        in (pages["catalogue/experiment/01_cca_gene_smri.md"])
    )
    assert (
        "kedro run --env hbn --config conf/experiments/08_hbn_eeg_availability.yml"
        in (pages["catalogue/experiment/08_hbn_eeg_availability.md"])
    )


def test_hostile_text_stays_text(tmp_path):
    kb = tmp_path / "kb"
    (kb / "model_cards").mkdir(parents=True)
    evil = "<script>alert(1)</script> | x | [a](javascript:alert(1)) {{ kb:evil }} ```\n# y"
    card = {
        "title": evil, "modality": "fmri", "description": evil, "notes": evil,
        "repository": "javascript:alert(1)", "license": evil, "sources": [evil],
        "facts": {"a": {"value": evil, "source": "https://x.y/(<b>)", "note": evil}},
        "pretraining_cohorts": {
            "cohorts": "unknown", "reason": evil, "source": evil, "note": evil},
        "weights_license": {"value": evil, "source": evil},
        "commit": "0" * 40,
        "walkthrough": [{"step": evil, "file": '"><script>'}],
    }  # fmt: skip
    (kb / "model_cards/evil.yaml").write_text(yaml.safe_dump(card))
    catalogue = Catalogue(Registry(kb))
    for name, page in catalogue.pages().items():
        outside = page.split("## Card")[0]
        assert "<script" not in outside, name
        assert not re.search(r"(?<!\\)\]\(javascript:", outside), name
        assert "{{ kb:" not in outside, name
    body = catalogue.pages()["catalogue/model/evil.md"].split("## Card")[1]
    fence = body.strip().split("yaml")[0].strip()
    assert body.count(fence) == 2


def test_new_results_are_on_the_pages_and_in_the_plan(tmp_path):
    kb = tmp_path / "kb"
    (kb / "integration_cards").mkdir(parents=True)
    (kb / "integration_cards/embedding_strategies.yaml").write_text(
        "one_v1: {modality: smri, features: [x]}\n"
    )
    publish_result(whole("c-first-1-aa"), kb)
    catalogue = Catalogue(Registry(kb))
    pages = catalogue.pages()
    assert "(../result/c-first-1-aa.md)" in pages["catalogue/embedding_strategy/one_v1.md"]
    assert "changed since" in pages["catalogue/result/c-first-1-aa.md"]
    assert "(../result/c-first-1-aa.md)" in pages["catalogue/decision/escalation-c-first.md"]
    plan = catalogue.fill("{{ kb-plan }}", "decisions/plan.md")
    assert "(../catalogue/result/c-first-1-aa.md)" in plan
    assert "not told (old rule: late fusion)" in plan


def test_values_are_filled_in_and_wrong_citations_stop_the_build(shipped):
    filled = shipped.fill("{{ kb:smri_free_surfer_pca512_v1.projector.dim }}", "x.md")
    assert filled == "512"
    with pytest.raises(KeyError, match="did you mean 'projector'"):
        shipped.fill("{{ kb:smri_free_surfer_pca512_v1.projektor.dim }}", "x.md")
    with pytest.raises(KeyError, match="there is no card 'nix'"):
        shipped.fill("{{ kb:nix }}", "x.md")


def test_a_model_page_and_the_command_say_whether_it_adds_to_its_rivals(tmp_path):
    kb = tmp_path / "kb"
    (kb / "model_cards").mkdir(parents=True)
    source = "https://example.org/reader"
    card = {
        "title": "A reader", "modality": "fmri",
        "pretraining_cohorts": {"cohorts": [], "reason": "none", "source": source},
    }  # fmt: skip
    for name in ("reader", "writer"):
        (kb / f"model_cards/{name}.yaml").write_text(yaml.safe_dump({"id": name, **card}))
    (kb / "results").mkdir()
    line = {"model": "reader", "block": "brain", "cohort": "c", "n_subjects": 200,
            "verdict": "not shown at this N (smallest difference that could have been seen: 0.081 "
            "AUROC)", "reason": "does not demonstrably add to tables", "licence": "CC0-1.0",
            "metric": "auroc"}  # fmt: skip
    for number, models in enumerate(([], [line], [{**line, "verdict": "shown", "reason": ""}])):
        made = whole(
            f"c-first-2026010{number}", cards={"reader": "aaaa", "writer": "bbbb"}, models=models,
            created=f"2026-01-0{number + 1}T00:00:00+00:00",
        )  # fmt: skip
        publish_result(made, kb)
    registry = Registry(kb)
    pages = Catalogue(registry).pages()
    page = pages["catalogue/model/reader.md"]
    section = page[page.index("## Beside its rivals") :]
    rows = [row for row in section.splitlines() if row.startswith("| [c-first-")][:2]
    assert "20260102" in rows[0]
    assert "| c | 200 | brain | shown | CC0-1.0 |" in rows[0]
    assert "0.081 AUROC). does not demonstrably add to tables" in rows[1]
    assert "Beside its rivals" not in pages["catalogue/model/writer.md"]
    done = CliRunner().invoke(kb_command, ["show", "reader", "--kb", str(kb)])
    assert done.exit_code == 0, done.output
    assert "# beside its rivals: shown (c, N = 200, block brain)" in done.output
