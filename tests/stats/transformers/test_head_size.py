from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.morphometry import morphometry_features
from neurogenomics_kb.datasets import FreeSurferTablesDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.transformers.head_size import HeadSizeAdjuster


@pytest.fixture
def heads():
    """Isometric heads: volume goes with eTIV, area with its power 2/3, thickness not at all."""
    rng = np.random.default_rng(0)
    etiv = rng.normal(1.5e6, 1.5e5, 400)
    noise = rng.normal(1, 0.05, (400, 4))
    return pd.DataFrame(
        {
            "smri__aseg_volume__Left-Hippocampus": 4000 * etiv / 1.5e6 * noise[:, 0],
            "smri__dkt_volume__lh_cuneus": 3000 * etiv / 1.5e6 * noise[:, 1],
            "smri__area__lh_cuneus": 1500 * (etiv / 1.5e6) ** (2 / 3) * noise[:, 2],
            "smri__thickness__lh_cuneus": 2.0 * noise[:, 3],
            "etiv": etiv,
        }
    )


def correlations(table, etiv):
    return table.apply(lambda column: np.corrcoef(column, etiv)[0, 1])


@pytest.mark.parametrize("method", ["proportion", "residual"])
def test_head_size_leaves_volumes_and_areas_and_nothing_else(heads, method):
    before = correlations(heads.drop(columns="etiv"), heads["etiv"])
    assert (before.iloc[:3] > 0.7).all()
    out = HeadSizeAdjuster(method).fit_transform(heads)
    assert out.columns.tolist() == heads.columns[:-1].tolist()
    assert correlations(out, heads["etiv"]).iloc[:3].abs().max() < 0.12
    pd.testing.assert_series_equal(out.iloc[:, 3], heads.iloc[:, 3])


def test_proportion_keeps_units_and_uses_the_power_of_each_measure(heads):
    out = HeadSizeAdjuster("proportion").fit_transform(heads)
    relative = heads["etiv"] / heads["etiv"].mean()
    np.testing.assert_allclose(out.iloc[:, 0], heads.iloc[:, 0] / relative)
    np.testing.assert_allclose(out.iloc[:, 2], heads.iloc[:, 2] / relative ** (2 / 3))
    assert out.iloc[:, 0].mean() == pytest.approx(4000, rel=0.02)


@pytest.mark.real_data
def test_proportions_turn_the_correlation_round_in_real_heads(aomic_dir):
    """The numbers of docs/integration/modality_features/smri.md."""
    pattern = "data-cortical_type-aparc_measure-{}_hemi-{}.tsv"
    tables = {m: [pattern.format(m, h) for h in ("lh", "rh")] for m in ("volume", "thickness")}
    table = FreeSurferTablesDataset(filepath=str(aomic_dir / "fs_stats"), tables=tables).load()
    features = morphometry_features(table)
    heads = pd.concat([features, table[["etiv"]]], axis=1)

    def median(out, group):
        columns = [c for c in out if f"__{group}__" in c]
        return correlations(out[columns], table["etiv"]).median()

    assert median(heads, "volume") == pytest.approx(0.52, abs=0.005)
    assert abs(median(heads, "thickness")) < 0.1
    proportion = HeadSizeAdjuster("proportion").fit_transform(heads)
    assert median(proportion, "volume") == pytest.approx(-0.56, abs=0.005)
    residual = HeadSizeAdjuster("residual").fit_transform(heads)
    assert median(residual, "volume") == pytest.approx(0, abs=1e-6)


def test_powers_can_be_chosen(heads):
    out = HeadSizeAdjuster("proportion", powers={"volume": 0.8}).fit_transform(heads)
    relative = heads["etiv"] / heads["etiv"].mean()
    np.testing.assert_allclose(out.iloc[:, 1], heads.iloc[:, 1] / relative**0.8)
    np.testing.assert_allclose(out.iloc[:, 2], heads.iloc[:, 2])


@pytest.mark.parametrize("method", ["proportion", "residual"])
def test_nothing_is_learned_from_test_subjects(heads, method):
    train, test = heads.iloc[:300], heads.iloc[300:]
    fitted = HeadSizeAdjuster(method).fit(train)
    once = fitted.transform(test)
    spoiled = test.assign(**{"smri__dkt_volume__lh_cuneus": 0.0})
    np.testing.assert_allclose(fitted.transform(spoiled).iloc[:, 0], once.iloc[:, 0])
    np.testing.assert_allclose(fitted.transform(test.iloc[[0]]), once.iloc[[0]])
    assert fitted.mean_ == train["etiv"].mean()


def test_residual_is_that_of_least_squares(heads):
    train, test = heads.iloc[:300], heads.iloc[300:]
    out = HeadSizeAdjuster("residual").fit(train).transform(test)
    slope, intercept = np.polyfit(train["etiv"], train.iloc[:, 0], 1)
    expected = test.iloc[:, 0] - intercept - slope * test["etiv"]
    np.testing.assert_allclose(out.iloc[:, 0], expected, atol=1e-6)


def test_none_says_that_nothing_is_done(heads):
    out = HeadSizeAdjuster("none").fit_transform(heads)
    pd.testing.assert_frame_equal(out, heads.drop(columns="etiv"))


def test_gaps_pass_a_proportion(heads):
    heads.iloc[0, 0] = np.nan
    assert HeadSizeAdjuster("proportion").fit_transform(heads).isna().sum().sum() == 1
    with pytest.raises(InputError, match="Put an impute step before"):
        HeadSizeAdjuster("residual").fit(heads)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="etiv"), "'etiv': the estimated total .* is missing"),
        (lambda t: t.assign(etiv=t["etiv"].where(t.index > 2)), r"no value \(3 of 400 subjects\)"),
        (lambda t: t.assign(etiv=t["etiv"].where(t.index > 1, -1)), r"not positive, first -1 \(2"),
        (lambda t: t[["smri__thickness__lh_cuneus", "etiv"]], "finds no volume or area among 1"),
    ],
)
def test_unusable_tables_are_refused(heads, change, message):
    with pytest.raises(InputError, match=message):
        HeadSizeAdjuster("proportion").fit(change(heads))
