"""What an extract of UK Biobank is ordered by."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from neurogenomics_kb.datasets import FieldTablesDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.commands import kb as command
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cohorts import find_dataset
from neurogenomics_kb.registry.field_map import MappedField, map_fields, runs_of
from neurogenomics_kb.registry.site import Catalogue
from tests.conftest import ROOT

KB = ROOT / "kb"
REGIONS = {"area": 33, "dkt_area": 31, "dkt_thickness": 31, "dkt_volume": 31,
           "destrieux_area": 74, "destrieux_thickness": 74, "destrieux_volume": 74,
           "thickness": 33, "volume": 33}  # fmt: skip


@pytest.fixture(scope="module")
def fields():
    return map_fields(Registry(KB), "ukb_manifest_stub")


def ids(first, last):
    return {str(i) for i in range(first, last + 1)}


def test_what_can_be_ordered(fields):
    by_id = {f.field: f for f in fields}
    measures = [
        (26756, 26788), (26857, 26889), (26558, 26564), (26589, 26595), (26789, 26821),
        (26890, 26922), (26722, 26754), (26823, 26855), (27143, 27328), (27329, 27772),
    ]  # fmt: skip
    wanted = {"26521", "25741", "54", "22009", "738", "20126", "20227", "23157"}
    wanted |= {"22000", "22001", "22006", "22019", "22020", "22021", "22027"}
    wanted |= set().union(*(ids(*ends) for ends in measures))
    assert wanted <= set(by_id)
    assert all(by_id[i].verified and by_id[i].source for i in wanted)
    assert not by_id["32050"].verified  # the copy of the dictionary does not list it
    assert "ukb23157_c<chromosome>_b<block>_v1" in by_id["23157"].name
    assert {f.instance for f in fields if f.field == "20227"} == {2, 3}
    scores = [f for f in fields if f.title.startswith("Standard PRS")]
    assert len(scores) == 36
    assert not any(f.verified for f in scores)
    assert all(f.source for f in fields)


def test_no_field_and_no_name_stands_twice(fields):
    columns = [f for f in fields if f.kind == "column"]
    for key in (lambda f: (f.field, f.instance, f.array), lambda f: (f.table, f.name)):
        assert len({key(f) for f in columns}) == len(columns)
    tables = find_dataset(Registry(KB), "ukb").tables
    for group, n in REGIONS.items():
        names = [f.name for f in columns if f.name.startswith(f"{group}__")]
        assert len(names) == 2 * n, group
        assert {n.split("__")[1][:3] for n in names} == {"lh_", "rh_"}
    for name in ("freesurfer_area", "freesurfer_dkt", "freesurfer_destrieux"):
        assert all(c.verified and c.range[0] == 0 for c in tables[name].columns.values())


def random_fields(rng):
    found, field = [], 100
    for _ in range(int(rng.integers(1, 30))):
        kind = str(rng.choice(["column", "value", "bulk"]))
        field += int(rng.integers(0, 3))
        found.append(
            MappedField(
                str(field), int(rng.integers(0, 2)), int(rng.integers(0, 3)), "t", kind,
                f"g{rng.integers(2)}__r{len(found)}", "card", f"table{rng.integers(2)}", "s",
                bool(rng.integers(2)),
            )
        )  # fmt: skip
    return found


def test_runs_lose_nothing_and_join_only_neighbours():
    rng = np.random.default_rng(5)
    joined = 0
    for _ in range(300):
        fields = random_fields(rng)
        runs = runs_of(fields)
        assert [f for run in runs for f in run] == fields
        for run in runs:
            joined += len(run) > 1
            assert len({(f.kind, f.table, f.verified) for f in run}) == 1
            if run[0].kind == "column":
                assert len({(f.name.split("__")[0], f.instance) for f in run}) == 1
    assert joined > 20


def test_the_command_lists_fields_for_scripts(fields):
    done = CliRunner().invoke(command, ["fields", "ukb_manifest_stub", "--kb", str(KB), "--json"])
    assert done.exit_code == 0
    assert len(json.loads(done.output)) == len(fields)
    plain = CliRunner().invoke(command, ["fields", "ukb_wes", "--kb", str(KB)]).output
    assert plain.splitlines()[0].split("\t") == list(MappedField._fields)
    none = CliRunner().invoke(command, ["fields", "demo", "--kb", str(KB)])
    assert none.exit_code == 1
    assert "map no field" in none.output


def test_the_page_shows_every_field(fields):
    catalogue = Catalogue(Registry(KB))
    page = catalogue.fill("{{ kb-fields:ukb_manifest_stub }}", "data/x.md")
    assert "| 26756–26788 | 2 |" in page
    assert "| 22009, array 1–10 | 0 |" in page
    assert len(page.splitlines()) - 2 == len(runs_of(fields))
    rows = [row.split(" | ") for row in page.splitlines()[2:]]
    assert {row[-1].removesuffix(" |") for row in rows} == {"yes", "no"}
    with pytest.raises(KeyError, match="no dataset card 'nix'"):
        catalogue.fill("{{ kb-fields:nix }}", "data/x.md")


def test_several_tables_of_a_card_are_read_together(tmp_path):
    tables = find_dataset(Registry(KB), "ukb").tables
    rng = np.random.default_rng(0)
    columns = {
        f"p{source.split('-')[0]}_i2": rng.uniform(1, 9, 3).round(3)
        for name in ("freesurfer", "freesurfer_dkt")
        for source in tables[name].columns
    }
    columns["p26521_i2"] = [1.5e6, 1.4e6, 1.6e6]
    people = pd.DataFrame({"eid": [1000001, 1000002, 1000003], **columns})
    people.to_csv(tmp_path / "imaging.csv", index=False)

    def read(table):
        return FieldTablesDataset(
            filepath=str(tmp_path), cohort="ukb", table=table, kb=str(KB), features=True
        ).load()

    both = read(["freesurfer", "freesurfer_dkt"])
    assert both.shape == (3, 1 + 4 * 33 + 14 + 6 * 31)
    pd.testing.assert_frame_equal(both[read("freesurfer").columns], read("freesurfer"))
    assert both["dkt_area__rh_insula"].tolist() == people["p27266_i2"].tolist()
    with pytest.raises(Exception, match="there is no table 'freesurfer_dk'"):
        read(["freesurfer", "freesurfer_dk"])


def test_a_card_that_is_no_dataset():
    with pytest.raises(InputError, match="there is no dataset 'swift'"):
        map_fields(Registry(KB), "swift")
