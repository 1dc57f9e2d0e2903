"""Guides of models: there for every encoder, true to the cards, and their code runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.guides import front_matter, read_guides
from neurogenomics_kb.registry.site import Catalogue
from tests.brain import tiny_models as brain
from tests.conftest import ROOT
from tests.genome import tiny_models as genome

DOCS = ROOT / "docs"
GUIDES = read_guides(DOCS)
MODELS = {i: DOCS / path for i, path in GUIDES.items() if path.startswith("models/")}
HEADINGS = ("When to use", "When not to use", "What goes in", "Extract, step by step",
            "Hardware and cost", "Pitfalls", "Results here", "Facts and sources")  # fmt: skip
# Paths under which the first notes of this knowledge base cite its pages.
SEEDED = {
    "guide/kb_overview": None, "decisions/2025-11-integration-plan": None,
    "integration/integration_strategy": None,
    "integration/analysis_recipes/cca_permutation": None,
    "integration/analysis_recipes/prediction_baselines": None,
    "integration/analysis_recipes/partial_correlations": None,
    "integration/modality_features/genomics": None, "integration/modality_features/smri": None,
    "integration/modality_features/fmri": None,
    "models/brain/brainlm": "brainlm", "models/brain/brainjepa": "brain_jepa",
    "models/brain/brainharmony": "brain_harmony", "models/brain/swift": "swift",
    "models/brain/brainmt": "brainmt", "models/genetics/caduceus": "caduceus_ps_131k",
    "models/genetics/dnabert2": "dnabert2", "models/genetics/evo2": "evo2",
    "models/genetics/generator": "generator", "code_walkthroughs/m3fm_walkthrough": "m3fm",
    "code_walkthroughs/melamma_walkthrough": "me_llama",
    "code_walkthroughs/titan_walkthrough": "titan",
    "code_walkthroughs/fms_medical_walkthrough": None,
    "data/governance_qc": None, "data/ukb_data_map": None,
    "generated/kb_curated/integration_cards": None,
    "generated/kb_curated/papers-md": None, "generated/kb_curated/papers-pdf": None,
    "generated/kb_curated/papers-md/reverse-complement-consistency_2025": None,
    "generated/kb_curated/papers-md/systems-algorithms-multihybrid_2025": None,
}  # fmt: skip
SEEDED_PDFS = (
    "ensemble_integration_li2022", "oncology_multimodal_waqas2024", "caduceus_2024", "evo2_2024",
    "generator_2024", "brainlm_2024", "brainjepa_2024", "brainharmony_2025", "brainmt_2025",
    "yoon_biokdd2025", "prs_guide", "gwas_diverse_populations",
)  # fmt: skip


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue(Registry(ROOT / "kb"))


def encoders(registry):
    return [c for c in registry.cards("model") if c.kind == "encoder"]


# --- what there is --------------------------------------------------------------------------------


def test_every_encoder_card_has_its_guide_and_every_guide_its_card(catalogue):
    for card in encoders(catalogue.registry):
        assert card.id in GUIDES, f"no page has guide_of: [{card.id}]"
        page = catalogue.pages()[f"catalogue/model/{card.id}.md"]
        assert f"../../{GUIDES[card.id]}" in page
        # Of what is described, or imported whole, the walkthrough of its code is the guide.
        walked = GUIDES[card.id].startswith("code_walkthroughs/")
        if card.modality != "multimodal" or not walked:
            assert card.id in MODELS
    assert GUIDES.keys() <= set(catalogue.registry.ids("model"))


@pytest.mark.parametrize("card_id", MODELS)
def test_guides_say_what_a_decision_needs(card_id, catalogue):
    page = MODELS[card_id].read_text()
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, flags=re.M | re.S))
    assert tuple(sections) == HEADINGS
    assert all(len(body.split()) > 5 for body in sections.values())
    for wanted in ("kb-status", "kb-strategies", "kb-results", "kb-trained"):
        assert f"{{{{ {wanted}:{card_id} }}}}" in page, wanted
    if catalogue.registry.get(card_id).facts:
        assert f"{{{{ kb-facts:{card_id} }}}}" in page
    filled = catalogue.fill(page, GUIDES[card_id])
    assert "{{" not in filled


def test_a_fact_is_shown_with_its_source_and_whether_it_was_looked_up(catalogue):
    fact = catalogue.registry.get("dnabert2").facts["strand"]
    shown = catalogue.fill("{{ kb-fact:dnabert2.strand }}", "models/genetics/dnabert2.md")
    assert "average forward and reverse complement" in shown
    assert fact.source in shown
    assert ("not looked up" in shown) is not fact.verified
    for wrong, said in (
        ("kb-fact:dnabert2.strands", "did you mean 'strand'"), ("kb-fact:nix.a", "no card 'nix'"),
        ("kb-facts:nix", "no card 'nix'"), ("kb-factz:dnabert2", "nothing called"),
        ("kb-encoders:taste", "no encoder of modality"), ("kb-results:nix", "no card 'nix'"),
        ("kb-trained:nix", "no card 'nix'"), ("kb-strategies:nix", "no card 'nix'"),
    ):  # fmt: skip
        with pytest.raises(KeyError, match=said):
            catalogue.fill(f"{{{{ {wrong} }}}}", "x.md")


def test_wrong_citations_in_a_guide_are_found_by_validation(tmp_path):
    for name in ("kb", "conf/experiments"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/x.md").write_text(
        "{{ kb-fact:dnabert2.strands }}\n{{ kb-results:nobody }}\n{{ kb-encoders:fmri }}\n"
        "{{ kb-fact:dnabert2.strand }}\n"
    )
    problems = [p for p in Registry(tmp_path / "kb").validate() if p.file.endswith("x.md")]
    assert [p.line for p in problems] == [1, 2]


def test_results_are_those_of_the_strategies_that_run_a_model(catalogue):
    table = catalogue.fill("{{ kb-results:kmer_spectrum_k4 }}", "models/genetics/x.md")
    assert "demo-demo_gene_brain-" in table.replace("\\", "")
    result = next(c for c in catalogue.of_type("result") if c.experiment == "demo_gene_brain")
    wanted = ("gene", "adjusted", "linear", "auroc")
    own = [
        r
        for r in catalogue.registry.tables(result.id)["metrics"]
        if (r["model"], r["variant"], r["algorithm"], r["metric"]) == wanted
    ]
    assert f"auroc {own[0]['value']:.3g}" in table
    assert "No published result" in catalogue.fill("{{ kb-results:evo2 }}", "x.md")


def test_front_matter_is_read_and_anything_else_is_none():
    assert front_matter("---\nguide_of: [a]\n---\n# T\n") == {"guide_of": ["a"]}
    for other in ("# T\n", "", "---\n# T\n", "---\n[\n---\n", "---\n- a\n---\n"):
        assert front_matter(other) == {}


# --- the paths that are cited elsewhere -----------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


def test_every_path_that_the_first_notes_cite_resolves_on_the_site(site):
    for path, card in SEEDED.items():
        page = site / path / "index.html"
        assert page.is_file(), path
        if card:
            assert GUIDES[card] == f"{path}.md"
    for name in SEEDED_PDFS:
        assert (site / f"generated/kb_curated/papers-md/{name}/index.html").is_file(), name
        page = site / f"generated/kb_curated/papers-pdf/{name}.pdf/index.html"
        assert "The PDF is not kept here" in page.read_text(), name


def test_other_names_of_summaries_lead_to_them(site):
    folder = site / "generated/kb_curated/papers-md"
    for name in ("reverse-complement-consistency_2025", "systems-algorithms-multihybrid_2025"):
        page = (folder / name / "index.html").read_text()
        target = re.search(r'content="0; url=\.\./([\w-]+)/"', page).group(1)
        assert (folder / target / "index.html").is_file()


def test_search_of_the_site_finds_every_entry_of_the_survey(site):
    index = (site / "search/search_index.json").read_text()
    plain = re.sub(r"\W+", " ", index.encode().decode("unicode_escape", errors="ignore"))
    entries = Registry(ROOT / "kb").entries()["fms_medical_catalog"]
    ascii_names = [e.name for e in entries if e.name.isascii() and not set(e.name) & set("<>&\"'")]
    assert len(ascii_names) > 300
    missing = [n for n in ascii_names if re.sub(r"\W+", " ", n).strip() not in plain]
    assert not missing


# --- what is printed runs -------------------------------------------------------------------------


def code_of(page: Path) -> str:
    """Python of a guide."""
    block = re.search(r"^ *```python\n(.*?)^ *```", page.read_text(), flags=re.M | re.S).group(1)
    indent = len(block) - len(block.lstrip(" "))
    return "\n".join(line[indent:] for line in block.splitlines())


def change_spec(folder: Path, card_id: str, **spec) -> str:
    """Put options of the tiny model on the copy's card; give the folder of its weights."""
    file = folder / f"kb/model_cards/{card_id}.yaml"
    card = yaml.safe_load(file.read_text())
    card["spec"] |= spec
    file.write_text(yaml.safe_dump(card))
    return str(Path(card["spec"]["weights"]) / card["spec"].get("subfolder", ""))


def write_inputs(folder: Path) -> None:
    """Series of as many parcels as the tiny models have, and images at 1 and 2 mm."""
    rng = np.random.default_rng(0)
    series = pd.DataFrame(np.cumsum(rng.normal(size=(400, brain.PARCELS)), axis=0))
    series.columns = [f"p{i}" for i in range(brain.PARCELS)]
    series.to_csv(folder / "sub-01_timeseries.tsv", sep="\t", index=False)
    volumes = rng.normal(100, 5, size=(16, 16, 16, 14)).astype(np.float32)
    volumes[0] = 0
    image = nib.Nifti1Image(volumes, np.diag([2.0, 2, 2, 1]))
    image.header.set_zooms((2, 2, 2, 0.8))
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, folder / "sub-01_bold.nii.gz")
    head = rng.normal(100, 5, size=(60, 70, 60)).astype(np.float32)
    nib.save(nib.Nifti1Image(head, np.eye(4)), folder / "sub-01_T1w.nii.gz")


TINY = {
    "brainlm": (brain.save_brainlm, {"frames": 40}),
    "brain_jepa": (brain.save_brain_jepa, {"sizes": brain.JEPA}),
    "brain_harmony": (brain.save_brain_harmony, {"sizes": brain.HARMONY}),
    "swift": (brain.save_swift, {}),
    "caduceus_ps_131k": (genome.save_caduceus, {}),
    "dnabert2": (genome.save_dnabert2, {}),
    "hyenadna": (genome.save_hyenadna, {}),
    "generator": (genome.save_generator, {}),
    "nucleotide_transformer": (genome.save_nucleotide_transformer, {}),
}


@pytest.mark.parametrize("card_id", MODELS)
def test_code_of_a_guide_runs_as_it_is_printed(card_id, tmp_path, monkeypatch):
    (tmp_path / "kb").mkdir()
    shutil.copytree(ROOT / "kb/model_cards", tmp_path / "kb/model_cards")
    write_inputs(tmp_path)
    if card_id in TINY:
        save, spec = TINY[card_id]
        save(tmp_path / "models" / change_spec(tmp_path, card_id, **spec))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NGKB_MODEL_DIR", str(tmp_path / "models"))
    names: dict = {}
    if card_id == "evo2":
        with pytest.raises(InputError, match="Evo 2 needs"):
            exec(code_of(MODELS[card_id]), names)
        return
    exec(code_of(MODELS[card_id]), names)
    vectors = names.get("vectors", names.get("vector"))
    assert len(vectors)
    if isinstance(vectors, np.ndarray):
        assert np.isfinite(vectors[~np.isnan(vectors)]).all()
        assert vectors.std() > 0 or np.isnan(vectors).any()
    else:
        assert (tmp_path / f"{card_id}.parquet").is_file()


def commands(page: Path) -> list[str]:
    """Lines that extract a cohort's vectors."""
    blocks = re.findall(r"^ *```bash\n(.*?)^ *```", page.read_text(), flags=re.M | re.S)
    return [line.strip() for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("card_id", MODELS)
def test_commands_of_a_guide_run_the_strategies_of_its_card(card_id, catalogue):
    named = re.findall(r"experiment\.blocks\.\w+=(\w+)", "\n".join(commands(MODELS[card_id])))
    runnable = [
        c.id
        for c in catalogue.registry.cards("embedding_strategy")
        if c.encoder == card_id and c.status == "ready" and c.dataset is None
    ]
    assert set(named) <= set(runnable)
    assert named or not runnable


# Of these the demo cohort has what they read.
DEMO = ("kmer_spectrum_k4", "caduceus_ps_131k", "dnabert2", "hyenadna", "generator", "brainlm")


@pytest.mark.slow
@pytest.mark.parametrize("card_id", DEMO)
def test_commands_of_a_guide_extract_the_demo_cohort(card_id, project, tmp_path):
    (command,) = commands(MODELS[card_id])
    arguments = command.partition("kedro ")[2].split()
    environment = {}
    if card_id in TINY:
        spec = Registry(ROOT / "kb").get(card_id).spec
        place = tmp_path / spec["weights"] / spec.get("subfolder", "")
        if card_id == "brainlm":
            demo = project.path / "data/01_raw/demo/timeseries"
            brain.save_brainlm(place, pd.read_csv(next(demo.glob("*.tsv")), sep="\t").shape[1])
        else:
            TINY[card_id][0](place)
        assert "NGKB_MODEL_DIR=/path/to/models " in command
        environment["NGKB_MODEL_DIR"] = str(tmp_path)
    done = project.kedro(*arguments, **environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    modality = "fmri" if card_id == "brainlm" else "genomics"
    features = pd.read_parquet(project.path / f"data/04_feature/demo/{modality}.features.parquet")
    own = [c for c in features if c.startswith(f"{modality}__{card_id}__")]
    assert own
    assert features[own].notna().any(axis=None)
