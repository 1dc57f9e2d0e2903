"""A run whose people an encoder was trained on says so in log, report and result card."""

from __future__ import annotations

import re

import pytest
import yaml

QUICK = {
    "blocks": {"gene": "genetics_gene_kmer_pca512_v1"},
    "analyses": ["prediction"],
    "algorithms": ["linear"],
}
TOLD = "Block 'gene' is embedded by 'kmer_spectrum_k4', which was pretrained on other, demo"


def words(text: str) -> str:
    """Text without the log's line breaks and columns."""
    return re.sub(r"\s+", " ", re.sub(r"\S+\.py:\d+", "", text))


@pytest.mark.slow
def test_a_cohort_of_the_pretraining_is_named_everywhere(project):
    file = project.path / "kb/model_cards/kmer_spectrum_k4.yaml"
    card = yaml.safe_load(file.read_text())
    card["pretraining_cohorts"] = {"cohorts": ["other", "demo"], "source": "doi:10.1000/x"}
    file.write_text(yaml.safe_dump(card))
    done = project.run(*project.changed(**QUICK))
    assert TOLD in words(done.stdout + done.stderr)
    result = yaml.safe_load(project.results[-1].read_text())
    told = [w for w in result["warnings"] if w.startswith(TOLD)]
    assert len(told) == 1
    assert "nobody here is held out" in told[0]
    report = next((project.path / "data/08_reporting/demo").rglob("report.html")).read_text()
    assert "nobody here is held out" in words(report)
