"""The simulated cohort: what is planted is there, what is switched off is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.simulate import Effects, SimulationSettings, simulate_cohort
from neurogenomics_kb.simulate.imaging import AXIS_SUBCORTICAL, AXIS_THICKNESS

N = 600
SHORT = {"n_frames": 60, "n_subjects": N, "seed": 5}
OFF = dict.fromkeys(Effects.model_fields, 0.0)


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(SimulationSettings(**SHORT))


@pytest.fixture(scope="module")
def nothing():
    """All effects off."""
    return simulate_cohort(SimulationSettings(**SHORT, effects=Effects(**OFF)))


def only(**effects):
    return simulate_cohort(SimulationSettings(**SHORT, effects=Effects(**{**OFF, **effects})))


def correlation(a, b):
    return np.corrcoef(np.asarray(a, dtype=float), np.asarray(b, dtype=float))[0, 1]


def axis_dosage(cohort, axis):
    """Dosage of the haplogroup markers of an axis, standardised within gene."""
    place = {f"{v.chrom}:{v.pos}": i for i, v in enumerate(cohort.variants.itertuples())}
    total = np.zeros(len(cohort.samples))
    for markers in cohort.truth["axes"][axis]["haplogroup_markers"].values():
        rows = cohort.genotypes[[place[m] for m in markers]].clip(0).sum(axis=2).max(axis=0)
        total += (rows - rows.mean()) / rows.std()
    return pd.Series(total, cohort.samples)


def region(cohort, table, column):
    return cohort.freesurfer[table][column]


def axis_thickness(cohort):
    names = [f"{r}_thickness" for r in AXIS_THICKNESS]
    both = pd.concat([cohort.freesurfer[f"{h}.aparc.thickness.tsv"] for h in ("lh", "rh")], axis=1)
    z = both[names]
    return ((z - z.mean()) / z.std()).mean(axis=1)


def axis_volume(cohort):
    z = cohort.freesurfer["aseg.volume.tsv"][AXIS_SUBCORTICAL]
    return ((z - z.mean()) / z.std()).mean(axis=1)


def joined(a, b):
    both = pd.concat([a.rename("a"), b.rename("b")], axis=1, join="inner")
    return both["a"], both["b"]


def people(cohort):
    return cohort.participants.set_index("participant_id")


def test_equal_settings_give_equal_cohorts():
    settings = SimulationSettings(n_subjects=80, n_frames=60, seed=3)
    one, two = simulate_cohort(settings), simulate_cohort(settings)
    pd.testing.assert_frame_equal(one.participants, two.participants)
    np.testing.assert_array_equal(one.genotypes, two.genotypes)
    subject = next(iter(one.timeseries))
    pd.testing.assert_frame_equal(one.timeseries[subject], two.timeseries[subject])


def test_variants_fit_the_reference_and_are_normalised(cohort):
    ends = {}
    assert cohort.variants["ref"].str.len().ne(cohort.variants["alt"].str.len()).sum() > 10
    for v in cohort.variants.itertuples():
        sequence = cohort.contigs[v.chrom]
        assert sequence[v.pos - 1 : v.pos - 1 + len(v.ref)] == v.ref
        assert v.pos > ends.get(v.chrom, 0)  # sorted and not overlapping
        ends[v.chrom] = v.pos + len(v.ref) - 1
        if len(v.ref) != len(v.alt):
            assert v.ref[0] == v.alt[0]
            assert min(len(v.ref), len(v.alt)) == 1  # parsimonious
            assert v.ref[-1] != v.alt[-1]  # left-aligned


def test_variants_lie_in_exons_of_named_genes(cohort):
    exons = cohort.annotation.query("feature == 'exon'")
    assert cohort.annotation["gene_name"].nunique() == 38
    assert set(exons["strand"]) == {"+", "-"}
    for v in cohort.variants.itertuples():
        own = exons[exons["seqname"] == v.chrom]
        inside = (own["start"] <= v.pos) & (v.pos + len(v.ref) - 1 <= own["end"])
        assert inside.sum() == 1


def test_siblings_share_half_and_strangers_little(cohort):
    table = cohort.participants
    dosage = cohort.genotypes.clip(0).sum(axis=2).astype(float)
    # Related beyond ancestry: correlate within the larger ancestry only.
    major = table["pc1"].gt(0).to_numpy()  # ancestry would make strangers alike
    group = major if major.mean() > 0.5 else ~major
    z = dosage - dosage[:, group].mean(axis=1, keepdims=True)
    z = z[z.std(axis=1) > 0]
    r = np.corrcoef(z.T)
    family = table["family_id"].to_numpy()
    same = (family[:, None] == family[None, :]) & ~np.eye(N, dtype=bool) & np.outer(group, group)
    apart = (family[:, None] != family[None, :]) & np.outer(group, group)
    assert 0.3 < r[same].mean() < 0.7
    assert abs(r[apart].mean()) < 0.1


def test_families_are_mostly_singletons(cohort):
    sizes = cohort.participants["family_id"].value_counts()
    assert sizes.max() <= 3
    assert 0.7 < (sizes == 1).sum() / N < 0.95


def test_planted_axes_reach_the_brain(cohort):
    assert correlation(*joined(axis_dosage(cohort, 0), axis_thickness(cohort))) > 0.25
    assert correlation(*joined(axis_dosage(cohort, 1), axis_volume(cohort))) > 0.2
    assert abs(correlation(*joined(axis_dosage(cohort, 0), axis_volume(cohort)))) < 0.15


def test_gene_axes_do_not_carry_ancestry(nothing, cohort):
    r = correlation(*joined(axis_dosage(nothing, 0), axis_thickness(nothing)))
    assert abs(r) < 0.12
    table = people(cohort)
    assert table["pc1"].std() > 2 * table["pc5"].std()


def test_gene_brain_switch():
    on, off = only(gene_brain=1), only(gene_diagnosis=1)
    assert correlation(*joined(axis_dosage(on, 0), axis_thickness(on))) > 0.3
    assert abs(correlation(*joined(axis_dosage(off, 0), axis_thickness(off)))) < 0.12


def test_diagnosis_switches(nothing):
    case = people(nothing)["mdd_diagnosis"]
    assert abs(correlation(*joined(axis_dosage(nothing, 0), case))) < 0.12
    gene = only(gene_diagnosis=1)
    both = axis_dosage(gene, 0) + axis_dosage(gene, 1)
    assert correlation(*joined(both, people(gene)["mdd_diagnosis"])) > 0.25
    brain = only(brain_diagnosis=2)
    both = axis_thickness(brain) + axis_volume(brain)
    assert correlation(*joined(both, people(brain)["mdd_diagnosis"])) > 0.25
    assert abs(correlation(*joined(axis_dosage(brain, 0), people(brain)["mdd_diagnosis"]))) < 0.12


def spread_between(values, groups):
    """Share of variance between groups."""
    values, groups = joined(values, groups)
    means = values.groupby(groups).transform("mean")
    return means.var() / values.var()


@pytest.mark.parametrize("effect", ["site", "age", "sex", "ancestry"])
def test_each_confound_is_there_and_goes_away(nothing, effect):
    on = only(**{effect: 1.0})

    def strength(cohort):
        table = people(cohort)
        thickness = cohort.freesurfer["lh.aparc.thickness.tsv"].iloc[:, :34]
        if effect == "site":
            return np.mean([spread_between(thickness[c], table["site"]) for c in thickness])
        column = {"age": "age", "sex": "sex", "ancestry": "pc1"}[effect]
        values = table[column].eq("M").astype(float) if effect == "sex" else table[column]
        return np.mean([correlation(*joined(thickness[c], values)) ** 2 for c in thickness])

    assert strength(nothing) < 0.008
    assert strength(on) > 2.5 * strength(nothing)


def test_sex_moves_head_size(nothing, cohort):
    def difference(c):
        etiv, sex = joined(
            region(c, "aseg.volume.tsv", "EstimatedTotalIntraCranialVol"), people(c)["sex"]
        )
        return etiv[sex == "M"].mean() / etiv[sex == "F"].mean()

    assert difference(cohort) > 1.06
    assert abs(difference(nothing) - 1) < 0.03


def test_batch_is_tilted_towards_cases(nothing, cohort):
    def tilt(c):
        table = people(c)
        last = table["sequencing_batch"].eq("B3")
        return last[table["mdd_diagnosis"] == 1].mean() - last[table["mdd_diagnosis"] == 0].mean()

    assert tilt(cohort) > 0.05
    assert abs(tilt(nothing)) < 0.07


def test_last_batch_has_more_missing_calls_and_some_subjects_fail(cohort):
    missing = pd.Series((cohort.genotypes[:, :, 0] < 0).mean(axis=0), cohort.samples)
    batch = people(cohort)["sequencing_batch"]
    fine = missing < 0.05
    assert missing[fine & (batch == "B3")].mean() > 2 * missing[fine & (batch != "B3")].mean()
    assert 3 <= (~fine).sum() <= 15
    assert (cohort.genotypes[..., 0] < 0).tolist() == (cohort.genotypes[..., 1] < 0).tolist()


def edges(cohort, subjects=60):
    ids = sorted(cohort.timeseries)[:subjects]
    return ids, np.array([np.corrcoef(cohort.timeseries[s].to_numpy().T)[0, 1:] for s in ids])


def test_motion_follows_powers_formula_and_switches(nothing, cohort):
    confounds = next(iter(cohort.confounds.values()))
    steps = confounds[["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]].diff().abs()
    expected = steps.iloc[:, :3].sum(axis=1) + 50 * steps.iloc[:, 3:].sum(axis=1)
    np.testing.assert_allclose(
        confounds["framewise_displacement"].iloc[1:], expected.iloc[1:], rtol=1e-9
    )
    assert np.isnan(confounds["framewise_displacement"].iloc[0])

    def motion(c):
        return pd.Series({s: t["framewise_displacement"].mean() for s, t in c.confounds.items()})

    assert 3 <= (motion(cohort) > 0.5).sum() <= 15

    def trace(c):  # how much the mean signal of frames follows displacement
        r = []
        for s in sorted(c.timeseries)[:60]:
            fd = c.confounds[s]["framewise_displacement"].iloc[1:]
            r.append(abs(correlation(fd, c.timeseries[s].iloc[1:].mean(axis=1))))
        return np.mean(r)

    assert trace(cohort) > trace(nothing) + 0.05


def test_a_few_people_miss_a_modality(cohort):
    assert 0 < N - len(cohort.timeseries) < 15
    assert set(cohort.timeseries) == set(cohort.confounds)
    scanned = cohort.freesurfer["aseg.volume.tsv"].index
    assert 0 < N - len(scanned) < 15
    assert set(cohort.euler["participant_id"]) == set(scanned)
    for table in cohort.freesurfer.values():
        assert table.index.equals(scanned)


def test_truth_names_no_subject(cohort):
    text = str(cohort.truth)
    assert not any(s in text for s in cohort.samples)
    assert len({g for a in cohort.truth["axes"] for g in a["genes"]}) == 6


def test_order_of_ids_carries_nothing(cohort):
    table = people(cohort).sort_index()
    order = np.arange(N)
    for column in ("age", "mdd_diagnosis", "pc1", "phq9_score"):
        assert abs(correlation(order, table[column])) < 0.12


def test_values_are_those_of_people(cohort):
    thickness = cohort.freesurfer["lh.aparc.thickness.tsv"].iloc[:, :34]
    assert thickness.mean().between(1.8, 3.4).all()
    assert thickness.std().between(0.08, 0.4).all()
    etiv = cohort.freesurfer["aseg.volume.tsv"]["EstimatedTotalIntraCranialVol"]
    assert etiv.between(1.0e6, 2.1e6).all()
    assert cohort.participants["phq9_score"].between(0, 27).all()
    assert cohort.participants["income"].isna().mean() == pytest.approx(0.1, abs=0.04)
