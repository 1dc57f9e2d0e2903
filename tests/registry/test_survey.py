"""The list that others curate: read without losing a line, kept as a table, found by a search."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.commands import kb as commands
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.site import Catalogue
from neurogenomics_kb.registry.survey import (
    KINDS,
    SurveyEntry,
    parse_list,
    read_table,
    write_table,
)
from neurogenomics_kb.registry.survey_pages import keys_of
from tests.conftest import ROOT

TABLE = ROOT / "kb/catalogues/fms_medical_catalog.csv"
COUNTS = {"method": 207, "dataset": 110, "database": 4, "survey": 18, "other": 5}
LIST = """# A list
- [Methods](#methods)
# Related survey
**2024**
- [arXiv] A survey of things. [[Paper]](https://arxiv.org/abs/2401.00001)
# Methods
## LFM methods
**2024**
- [Journal 2024] One: a model (large)  [[Paper]](https://x.org/S1(23)00272-7), [[Code]](https://github.com/a/one)
 - [GitHub] Two. [[Code]]()
## BFM methods
**2021**
  - [Nature] Three [[paper]](https://www.nature.com/articles/s1-2.)[[Code]](https://github.com/A/Three.git)
# Datasets
## VFM datasets
| Dataset Name | Modality | Scale | Task | Link |
| :---: | :---: | :---: | :---: | :---: |
|[ Four ]()| 3D CT\t | 1,018 volumes | - |[*](four.example.org)|
|[Five]([https://old.org/x](https://new.org/y))| MRI | - | Study | - |
|Six names| DNA |  | Study |[*](https://six.org/#!A:1)|
## Large-scale comprehensive databases
| Database | Discription | Link |
| :---: | :---: | :---: |
|[Seven](https://seven.org/) | a long text of the list's own |[*](https://seven.org/data)|
# Other resources
## Blogs
- [Eight](https://eight.org)
"""


def test_stored_table_holds_the_whole_list():
    entries = read_table(TABLE)
    assert Counter(e.kind for e in entries) == COUNTS
    assert len(entries) == 344
    assert all(e.paper or e.code or e.data for e in entries)
    assert all(e.area for e in entries if e.kind in ("method", "dataset"))
    assert all(e.year for e in entries if e.kind in ("method", "survey"))
    facts = Registry(ROOT / "kb").get("fms_medical_catalog").facts
    assert facts["entries"].value == len(entries)
    assert all(f"{n} " in facts["entries"].note for n in COUNTS.values())
    assert "Chinese" in facts["chinese_version"].value


def test_every_line_of_a_list_becomes_an_entry_with_its_links():
    by_name = {e.name: e for e in parse_list(LIST)}
    assert list(by_name) == [
        "A survey of things", "One: a model (large)", "Two", "Three", "Four", "Five", "Six names",
        "Seven", "Eight",
    ]  # fmt: skip
    one = by_name["One: a model (large)"]
    assert (one.kind, one.area, one.year, one.venue) == ("method", "language", 2024, "Journal")
    assert one.paper == "https://x.org/S1(23)00272-7"
    assert one.code == "https://github.com/a/one"
    assert by_name["Two"].code == ""
    assert by_name["Three"].paper == "https://www.nature.com/articles/s1-2"
    assert by_name["Three"].area == "bioinformatics"
    assert by_name["Four"].data == "https://four.example.org"
    assert (by_name["Four"].scale, by_name["Four"].task) == ("1,018 volumes", "")
    assert by_name["Five"].paper == "https://new.org/y"
    assert by_name["Six names"].data == "https://six.org/#!A:1"
    seven = by_name["Seven"]
    assert (seven.kind, seven.modality, seven.data) == ("database", "", "https://seven.org/data")
    assert by_name["Eight"].kind == "other"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("- [arXiv] [[Paper]](https://x.org)", "line 8"),
        ("- [arXiv] Named. [[Paper]](javascript:alert(1))", "line 8"),
        ("- [arXiv] Named. [[Paper]](https://x.org/a b)", "line 8"),
        ("- [arXiv] Named. [[Paper]](https://x.org", "no end"),
    ],
)
def test_a_line_that_cannot_be_read_is_never_lost(line, reason):
    broken = LIST.replace("**2024**\n- [Journal", f"{line}\n**2024**\n- [Journal")
    with pytest.raises(InputError, match=reason):
        parse_list(broken, "list.md")


def test_a_file_that_is_no_list_is_refused():
    with pytest.raises(InputError, match="no methods"):
        parse_list("# Methods\nnothing\n")


def test_tables_of_any_entries_come_back_as_they_were(tmp_path):
    rng = np.random.default_rng(3)
    letters = list("ab ,;\"'|\u4e2d\u00e9<>&()[]{}#*_`")
    for number in range(60):
        words = ["x" + "".join(rng.choice(letters, size=rng.integers(1, 30))) for _ in range(4)]
        entries = [
            SurveyEntry(
                kind=str(rng.choice(list(KINDS))), name=word, venue=words[0], scale=words[1],
                year=int(rng.integers(1990, 2030)) if rng.random() < 0.5 else None,
                paper="https://x.org/(1)" if rng.random() < 0.5 else "",
            )
            for word in words
        ]  # fmt: skip
        file = tmp_path / f"{number}.csv"
        write_table(entries, file)
        assert read_table(file) == entries


def test_damaged_tables_are_one_line(tmp_path):
    good = TABLE.read_bytes()
    bad = {
        "columns": good.replace(b"kind,area", b"area,kind", 1),
        "kind": good.replace(b"\nmethod,", b"\nmethods,", 1),
        "link": good.replace(b"https://arxiv.org/abs/2404", b"ftp://x", 1).replace(
            b"https://arxiv", b"javascript:arxiv", 1
        ),
        "bytes": good[:2000] + b"\xff\xfe" + good[2000:],
        "row": good + b"method,language,Only three\n",
        "quote": good + b'method,language,"never closed\n',
    }
    for name, content in bad.items():
        file = tmp_path / f"{name}.csv"
        file.write_bytes(content)
        with pytest.raises(InputError) as caught:
            read_table(file)
        assert "\n" not in str(caught.value), name
        assert f"{name}.csv" in str(caught.value)


def test_tables_must_belong_to_a_catalogue(tmp_path):
    kb = tmp_path / "kb"
    (kb / "catalogues").mkdir(parents=True)
    (kb / "catalogues/nobody.csv").write_bytes(TABLE.read_bytes()[:3000].rsplit(b"\n", 1)[0])
    (kb / "catalogues/away.csv").symlink_to(TABLE)
    problems = [str(p) for p in Registry(kb).validate()]
    assert any("no catalogue 'nobody'" in p for p in problems)
    assert any("away.csv" in p and "no file of the knowledge base" in p for p in problems)


def test_entries_are_found_on_the_command_line():
    runner = CliRunner()
    found = runner.invoke(commands, ["search", "scGPT", "--kb", str(ROOT / "kb")])
    assert found.exit_code == 0
    assert "method: scGPT" in found.output
    assert "https://www.nature.com/articles/s41592-024-02201-0" in found.output
    found = runner.invoke(commands, ["search", "arxiv", "--kb", str(ROOT / "kb"), "--json"])
    listed = {row["id"]: row.get("entries", []) for row in json.loads(found.output)}
    assert len(listed["fms_medical_catalog"]) > 100
    shown = runner.invoke(commands, ["search", "arxiv", "--kb", str(ROOT / "kb")]).output
    assert "more entries (--json has all)" in shown


def test_every_entry_is_on_a_page_with_its_links():
    catalogue = Catalogue(Registry(ROOT / "kb"))
    pages = catalogue.pages()
    for kind, number in COUNTS.items():
        page = pages[f"catalogue/survey/fms_medical_catalog/{kind}.md"]
        rows = [line for line in page.splitlines() if line.startswith("| ")]
        heads = sum(line.startswith("| name") for line in rows)
        assert len(rows) - 2 * heads == number
    table = catalogue.fill("{{ kb-survey:fms_medical_catalog }}", "code_walkthroughs/x.md")
    assert "**344**" in table
    assert "(../catalogue/survey/fms_medical_catalog/method.md)" in table
    methods = pages["catalogue/survey/fms_medical_catalog/method.md"]
    for card in ("hyenadna", "nucleotide_transformer", "me_llama", "dnabert2"):
        assert f"(../../model/{card}.md)" in methods, card
    with pytest.raises(KeyError, match="no table of entries"):
        catalogue.fill("{{ kb-survey:ukb_wes }}", "x.md")


def test_one_work_is_recognised_however_it_is_linked():
    spellings = ["https://arxiv.org/abs/2306.15794", "https://arxiv.org/pdf/2306.15794v2.pdf",
                 "https://arxiv.org/html/2306.15794v1"]  # fmt: skip
    keys = {tuple(keys_of(SurveyEntry(kind="method", name="xx", paper=p))) for p in spellings}
    assert keys == {("arxiv:2306.15794",)}
    repositories = ["https://github.com/A/b", "https://github.com/a/B.git",
                    "https://github.com/a/b/tree/main"]  # fmt: skip
    keys = {tuple(keys_of(SurveyEntry(kind="method", name="xx", code=c))) for c in repositories}
    assert keys == {("github.com/a/b",)}


def test_script_writes_and_compares(tmp_path):
    (tmp_path / "README.md").write_text(LIST)
    out = tmp_path / "out.csv"

    def call(*arguments):
        script = [sys.executable, str(ROOT / "scripts/build_survey.py")]
        done = subprocess.run([*script, *map(str, arguments)], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    assert call(tmp_path / "README.md", "--out", out)[0] == 0
    assert len(read_table(out)) == 9
    assert call(tmp_path / "README.md", "--out", out, "--check")[0] == 0
    (tmp_path / "README.md").write_text(LIST.replace("Eight", "Nine"))
    assert call(tmp_path / "README.md", "--out", out, "--check")[0] == 1
    code, said = call(tmp_path / "nothing.md")
    assert code == 2
    assert said.startswith("Error:")
