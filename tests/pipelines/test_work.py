"""Shards of every modality: the same features as without, from the cache alone."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.datasets import EegRecordingsDataset, NotCollected
from neurogenomics_kb.foundation.content import fingerprint
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.shards import Shard
from neurogenomics_kb.pipelines import eeg, fmri, genomics, smri
from neurogenomics_kb.pipelines.eeg import caching as eeg_caching
from neurogenomics_kb.pipelines.fmri import encoder_inputs
from neurogenomics_kb.pipelines.fmri.content import content_of
from neurogenomics_kb.pipelines.work import SOURCES, Demand
from tests.brain.eeg.synthetic import make_raw, write_recording
from tests.brain.tiny_models import save_brainlm, spec_of
from tests.genome.tiny_models import save_hyenadna
from tests.pipelines import test_fmri_embedding as with_encoder
from tests.pipelines import test_smri_volumes as with_volumes
from tests.pipelines.modality_runs import typed_parameters
from tests.recipes import partial_recipe

ABSENT = NotCollected(modality="fmri", reason="no scanner")
SHARDS = [Shard(number, 3) for number in (1, 2, 3)]


def demand(pipeline, inputs, parameters=None):
    """What a shard sees of a cohort that is in memory."""
    read = typed_parameters(pipeline, parameters or {})
    return Demand(pipeline, lambda name: read(name) if name.startswith("params:") else inputs[name])


def fill(modality, fresh, shards=SHARDS):
    """All shards one after the other; how many items each computed."""
    computed = []
    for shard in shards:
        works = SOURCES[modality].work(fresh(), shard)
        missing = [work.missing() for work in works]
        problems = [work.compute(which) for work, which in zip(works, missing, strict=True)]
        assert problems == [[]] * len(works)
        computed.append(sum(map(len, missing)))
    return computed


def missing_in(modality, fresh):
    return sum(len(work.missing()) for work in SOURCES[modality].work(fresh(), None))


def damage(folder):
    """Cut one file of a cache."""
    file = sorted(folder.rglob("*.npz"))[0]
    file.write_bytes(file.read_bytes()[:-30])


def copy_of(table):
    return functools.partial(pd.DataFrame.copy, table)


def dies(*arguments, **more):
    raise AssertionError("this was to come from the cache")


# --- functional runs ----------------------------------------------------------------------------


@pytest.fixture
def runs():
    return {f"sub-{i}": with_encoder.make_run(i, 0.1, n_frames=100) for i in range(1, 8)}


@pytest.fixture
def fmri_inputs(tmp_path, monkeypatch, runs):
    monkeypatch.chdir(tmp_path)
    spec = spec_of("brainlm", save_brainlm(tmp_path / "brainlm"))
    recipe = {
        "blocks": {"brain": with_encoder.strategy("brainlm", with_encoder.SEGMENTS)},
        "encoders": {"brainlm": spec},
    }
    return {
        "fmri.timeseries": {
            s: functools.partial(pd.DataFrame.copy, t) for s, (t, _) in runs.items()
        },
        "fmri.confounds": {
            s: functools.partial(pd.DataFrame.copy, c) for s, (_, c) in runs.items()
        },
        "fmri.sidecar": {"RepetitionTime": 1.47},
        "recipe": partial_recipe(**recipe),
        **{f"fmri.{n}": ABSENT for n in ("volumes", "atlas", "embeddings", "group_motion")},
    }


FMRI = {"fmri": {"connectivity": {"n_jobs": 1}, "quality": {"exclude": ["sub-6"]}}}
FMRI_NO_CACHE = {
    "fmri": {
        "connectivity": {"n_jobs": 1, "cache": None},
        "embedding": {"cache": None},
        "quality": {"exclude": ["sub-6"]},
    }
}


def test_runs_in_shards_give_the_features_of_an_undivided_run(fmri_inputs, tmp_path, monkeypatch):
    pipeline = fmri.create_pipeline()
    whole = demand(pipeline, fmri_inputs, FMRI_NO_CACHE)("fmri.features")
    assert not list(tmp_path.rglob("*.npz"))

    def fresh():
        return demand(pipeline, fmri_inputs, FMRI)

    assert missing_in("fmri", fresh) == 12
    assert fill("fmri", fresh, SHARDS[:2]) != [0, 0]
    assert 0 < missing_in("fmri", fresh) < 12
    fill("fmri", fresh, SHARDS[2:])
    assert missing_in("fmri", fresh) == 0
    assert fill("fmri", fresh) == [0, 0, 0]
    damage(tmp_path)
    assert missing_in("fmri", fresh) == 1
    assert sum(fill("fmri", fresh)) == 1
    monkeypatch.setattr("neurogenomics_kb.brain.connectivity.connect_run", dies)
    monkeypatch.setattr("neurogenomics_kb.brain.encoding.embed_run", dies)
    again = fresh()
    pd.testing.assert_frame_equal(again("fmri.features"), whole, check_exact=True)


@pytest.mark.parametrize(
    "change",
    [
        {"fmri": {"connectivity": {"high_pass": 0.02}}},
        {"fmri": {"connectivity": {"nuisance": ["csf"]}}},
        {"fmri": {"connectivity": {"kinds": ["partial_correlation"]}}},
    ],
)
def test_other_parameters_find_nothing(fmri_inputs, change):
    pipeline = fmri.create_pipeline()
    inputs = {**fmri_inputs, "recipe": partial_recipe(blocks={}, encoders={})}
    fill("fmri", lambda: demand(pipeline, inputs), SHARDS[:1])
    before = missing_in("fmri", lambda: demand(pipeline, inputs))
    assert before < 7
    assert missing_in("fmri", lambda: demand(pipeline, inputs, change)) == 7


def test_a_changed_number_in_a_table_is_computed_again(fmri_inputs, runs):
    pipeline = fmri.create_pipeline()
    fill("fmri", lambda: demand(pipeline, fmri_inputs, FMRI))
    runs["sub-3"][0].iloc[5, 2] += 1e-9
    assert missing_in("fmri", lambda: demand(pipeline, fmri_inputs, FMRI)) == 2
    runs["sub-4"][1].iloc[5, 2] += 1e-9
    assert missing_in("fmri", lambda: demand(pipeline, fmri_inputs, FMRI)) == 4


def test_a_run_that_cannot_be_connected_is_a_hole_with_a_reason(fmri_inputs, runs):
    pipeline = fmri.create_pipeline()
    inputs = {**fmri_inputs, "recipe": partial_recipe(blocks={}, encoders={})}
    runs["sub-3"][0].iloc[:, 0] = 1.0
    works = SOURCES["fmri"].work(demand(pipeline, inputs), None)
    problems = works[0].compute(works[0].missing())
    assert len(problems) == 1
    assert "a run cannot be connected" in problems[0]
    assert missing_in("fmri", lambda: demand(pipeline, inputs)) == 1


def test_preparing_by_a_card_is_told_by_its_arguments(runs):
    series, confounds = map(copy_of, runs["sub-1"])

    def key(card, tr=1.5, table=confounds):
        return fingerprint(
            content_of(
                functools.partial(encoder_inputs.clean_run, series, table, tr, card, "sub-1")
            )
        )

    other = copy_of(runs["sub-2"][1])
    found = {key("a"), key("b"), key("a", 2.0), key("a", table=other), key("a", table=None)}
    assert len(found) == 5
    assert key("a") == key("a")


# --- recordings ---------------------------------------------------------------------------------

EEG = {"eeg": {"measures": {"n_jobs": 1}, "quality": {"min_clean_segments": 5}}}


@pytest.fixture
def bids(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "bids"
    write_recording(root, make_raw(1, seconds=14), ".edf", subject="sub-01", run="run-1")
    write_recording(root, make_raw(2, seconds=14), ".edf", subject="sub-01", run="run-2")
    write_recording(root, make_raw(3, seconds=14), ".vhdr", subject="sub-02")
    write_recording(root, make_raw(4, seconds=14), ".edf", subject="sub-03")
    cut = root / "sub-03/eeg/sub-03_task-rest_eeg.edf"
    cut.write_bytes(cut.read_bytes()[:-2000])
    return root


def eeg_demand(root, **measures):
    inputs = {
        "eeg.recordings": EegRecordingsDataset(filepath=str(root)).load(),
        "recipe": partial_recipe(blocks={}, encoders={}),
    }
    changes = {"eeg": {**EEG["eeg"], "measures": {"n_jobs": 1, **measures}}}
    return demand(eeg.create_pipeline(), inputs, changes)


def test_recordings_in_shards_give_the_features_of_an_undivided_run(bids, tmp_path, monkeypatch):
    names = ("eeg.runs", "eeg.run_features", "eeg.features")
    undivided = eeg_demand(bids, cache=None)
    whole = {name: undivided(name) for name in names}
    fill("eeg", lambda: eeg_demand(bids))
    assert missing_in("eeg", lambda: eeg_demand(bids)) == 0
    damage(tmp_path / "data")
    assert fill("eeg", lambda: eeg_demand(bids))
    monkeypatch.setattr("neurogenomics_kb.brain.eeg.runs.open_recording", dies)
    again = eeg_demand(bids)
    for name in names:
        pd.testing.assert_frame_equal(again(name), whole[name], check_exact=True)
    assert "truncated file" in set(again("eeg.runs")["reason"])


def test_files_beside_a_recording_count_and_those_of_others_do_not(bids):
    fill("eeg", lambda: eeg_demand(bids))

    def missing():
        return missing_in("eeg", lambda: eeg_demand(bids))

    data = bids / "sub-02/eeg/sub-02_task-rest_eeg.eeg"
    content = bytearray(data.read_bytes())
    content[4000] ^= 1
    data.write_bytes(content)
    assert missing() == 1  # the header is what is opened, and names it
    sidecar = bids / "sub-01/eeg/sub-01_task-rest_run-1_eeg.json"
    sidecar.write_text(sidecar.read_text() + " ")
    assert missing() == 2
    (bids / "task-rest_eeg.json").write_text('{"PowerLineFrequency": 60}')
    assert missing() == 4


def test_another_code_finds_nothing(bids, monkeypatch):
    fill("eeg", lambda: eeg_demand(bids))
    monkeypatch.setattr(eeg_caching, "code_version", lambda *names, **more: "another")
    assert missing_in("eeg", lambda: eeg_demand(bids)) == 4


# --- volumes ------------------------------------------------------------------------------------


def test_volumes_in_shards_give_the_vectors_of_an_undivided_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "t1"
    with_volumes.write_images(folder, [f"sub-0{i}" for i in range(1, 7)])
    card = {
        "blocks": {"brain": {"modality": "smri", "encoder": "tiny_cnn", "levels": []}},
        "encoders": {"tiny_cnn": with_volumes.MODEL["spec"]},
    }

    def fresh(**embedding):
        inputs = {
            "smri.volumes": with_volumes.load_images(folder),
            "recipe": partial_recipe(**card),
            **{f"smri.{n}": with_volumes.ABSENT for n in ("freesurfer", "euler")},
            "smri.group_image_quality": with_volumes.ABSENT,
        }
        # One volume at a time: a batch of others may round otherwise.
        changes = {"smri": {"embedding": {"batch": 1, **embedding}}}
        return demand(smri.create_pipeline(), inputs, changes)

    whole = fresh(cache=None)("smri.features")
    assert sum(fill("smri", fresh)) == 6
    monkeypatch.setattr("tests.pipelines.tiny_t1.TinyCnn.embed", dies)
    pd.testing.assert_frame_equal(fresh()("smri.features"), whole, check_exact=True)
    with_volumes.write_images(tmp_path / "other", ["sub-09"], shape=(17, 20, 18))
    image = "sub-03/anat/sub-03_T1w.nii.gz"
    (folder / image).write_bytes((tmp_path / "other/sub-09/anat/sub-09_T1w.nii.gz").read_bytes())
    assert missing_in("smri", fresh) == 1


# --- sequences ----------------------------------------------------------------------------------


def test_sequences_in_shards_give_the_vectors_of_an_undivided_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = {"type": "hyenadna", "weights": str(save_hyenadna(tmp_path / "models/h"))}
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), n)) for n in rng.integers(20, 90, 30)]
    distinct = pd.DataFrame({"sequence": texts, "length": [len(t) for t in texts]})
    index = pd.DataFrame({"sample": ["s1", "s2"] * 15, "sequence_id": range(30)})
    blocks = {"gene": {"modality": "genomics", "encoder": "hyena", "levels": []}}

    def fresh(folder="cache"):
        inputs = {
            "genomics.distinct_sequences": distinct.rename_axis("sequence_id"),
            "genomics.haplotype_index": index,
            "recipe": partial_recipe(blocks=blocks, encoders={"hyena": spec}),
        }
        changes = {"genomics": {"cache": {"folder": folder}}}
        node = genomics.create_pipeline().only_nodes("genomics.embed_sequences")
        return demand(node, inputs, changes)

    whole = fresh("other")("genomics.exon_embeddings")
    assert sum(fill("genomics", fresh)) == 30
    assert missing_in("genomics", fresh) == 0
    again = fresh()
    assert again("genomics.encoding")["hyena"]["computed"] == 0
    np.testing.assert_allclose(again("genomics.exon_embeddings"), whole, atol=1e-6)
    damage(tmp_path / "cache")
    assert 0 < missing_in("genomics", fresh) < 30
    fill("genomics", fresh)
    assert missing_in("genomics", fresh) == 0


def test_an_unknown_modality_names_those_that_can_be_shared_out():
    with pytest.raises(InputError, match="genomics, fmri, eeg, smri"):
        SOURCES["dmri"]
