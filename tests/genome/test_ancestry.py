from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.ancestry import fit_ancestry, main, project_ancestry
from neurogenomics_kb.genome.people_lists import read_people
from tests.genome.conftest import write_vcf
from tests.genome.test_pgen import write_pgen

PEOPLE, SITES = 120, 400
CONTIGS = dict.fromkeys("123", 500_000_000)


@pytest.fixture(scope="module")
def structured(tmp_path_factory):
    """Three populations by drift (Balding and Nichols); every fifth variant repeats the last."""
    rng = np.random.default_rng(3)
    population = np.repeat([0, 1, 2], PEOPLE // 3)
    rows = []
    alleles = None
    for site in range(SITES):
        if site % 5 != 4 or alleles is None:
            ancestral = rng.uniform(0.2, 0.8)
            drift = 0.1
            a, b = ancestral * (1 - drift) / drift, (1 - ancestral) * (1 - drift) / drift
            frequency = rng.beta(a, b, 3)[population]
            alleles = (rng.random((PEOPLE, 2)) < frequency[:, None]).astype(int)
        calls = [f"{x}|{y}" if rng.random() > 0.005 else ".|." for x, y in alleles]
        contig = f"chr{1 + site // 200}"
        rows.append((contig, 1000 * (site % 200 + 1), "A", "G", calls))
    rows.append(("chr2", 900_000, "A", "AG", ["0|1"] * PEOPLE))  # not an SNV
    rows.append(("chrX", 5, "A", "G", ["0|1", "0|0"] * (PEOPLE // 2)))  # not an autosome
    samples = [f"s{i}" for i in range(PEOPLE)]
    folder = tmp_path_factory.mktemp("ancestry")
    return write_pgen(folder / "v.pgen", samples, rows), population


def separation(scores, population):
    """Share of the variance of the first two components that lies between populations."""
    values = scores[["pc1", "pc2"]].to_numpy()
    means = np.stack([values[population == p].mean(axis=0) for p in range(3)])[population]
    return ((means - values.mean(axis=0)) ** 2).sum() / ((values - values.mean(axis=0)) ** 2).sum()


def test_populations_come_apart_and_linked_variants_are_thinned(structured):
    pgen, population = structured
    scores, loadings = fit_ancestry(pgen, n_components=4)
    assert separation(scores, population) > 0.9
    assert len(loadings) <= SITES * 4 / 5
    assert set(loadings["chrom"]) == {"chr1", "chr2"}
    np.testing.assert_allclose((scores.filter(like="pc") ** 2).sum(), 1, rtol=0.05)


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
def test_agrees_with_plink2(structured, tmp_path):
    pgen, _ = structured
    scores, loadings = fit_ancestry(pgen, n_components=4)
    sites = tmp_path / "sites.txt"
    sites.write_text(
        "\n".join(f"{c.chrom}\t{c.pos - 1}\t{c.pos}" for c in loadings.itertuples()) + "\n"
    )
    command = ["plink2", "--pfile", str(pgen.with_suffix("")), "--extract", "bed0", str(sites)]
    command += ["--pca", "4", "--threads", "1", "--out", str(tmp_path / "p")]
    subprocess.run([*command, "--nonfounders"], check=True, capture_output=True)
    theirs = pd.read_csv(tmp_path / "p.eigenvec", sep="\t")
    for number in (1, 2):  # the two that mean something
        both = np.corrcoef(scores[f"pc{number}"], theirs[f"PC{number}"])[0, 1]
        assert abs(both) > 0.999


def test_projecting_those_who_were_fitted_gives_their_scores(structured):
    pgen, _ = structured
    scores, loadings = fit_ancestry(pgen, n_components=3)
    again = project_ancestry(pgen, loadings)
    np.testing.assert_allclose(again[["pc1", "pc2", "pc3"]],
                               scores.drop(columns="participant_id"), atol=1e-5)  # fmt: skip


def test_who_is_not_fitted_changes_nothing(structured, tmp_path):
    pgen, population = structured
    train = [f"s{i}" for i in range(PEOPLE) if i % 2]
    scores, loadings = fit_ancestry(pgen, train, n_components=3)
    assert separation(scores, population) > 0.7
    calls = [line.split("\t") for line in pgen.with_suffix(".pvar").read_text().splitlines()[1:]]
    # The others' genotypes become something else altogether.
    import pgenlib

    reader = pgenlib.PgenReader(str(pgen).encode())
    rows = []
    buffer, rng = np.empty(2 * PEOPLE, dtype=np.int32), np.random.default_rng(0)
    for number, (chrom, position, _, ref, alt) in enumerate(calls):
        reader.read_alleles(number, buffer)
        pairs = buffer.reshape(-1, 2).copy()
        pairs[::2] = rng.integers(0, 2, pairs[::2].shape)
        texts = [".|." if pair.min() < 0 else f"{pair[0]}|{pair[1]}" for pair in pairs]
        rows.append((chrom, int(position), ref, alt, texts))
    other = write_pgen(tmp_path / "w.pgen", [f"s{i}" for i in range(PEOPLE)], rows)
    _, same = fit_ancestry(other, train, n_components=3)
    pd.testing.assert_frame_equal(loadings, same)


def test_command_writes_a_table_to_join(structured, tmp_path, capsys):
    pgen, _ = structured
    out, loadings = tmp_path / "pcs.tsv", tmp_path / "loadings.tsv"
    main([str(pgen), "--out", str(out), "--components", "2", "--save-loadings", str(loadings)])
    assert "120 people" in capsys.readouterr().out
    first = pd.read_csv(out, sep="\t")
    assert first.columns.tolist() == ["participant_id", "pc1", "pc2"]
    main([str(pgen), "--out", str(out), "--loadings", str(loadings)])
    again = pd.read_csv(out, sep="\t")
    assert again.columns.tolist() == [*first.columns, "missing_calls"]
    pd.testing.assert_frame_equal(first, again[first.columns], atol=1e-4)


def test_too_little_is_refused(structured, tmp_path):
    pgen, _ = structured
    with pytest.raises(InputError, match="too few for 300 components"):
        fit_ancestry(pgen, n_components=300)
    with pytest.raises(InputError, match="1 of 2 subjects"):
        fit_ancestry(pgen, ["s1", "nobody"])
    _, loadings = fit_ancestry(pgen, n_components=2)
    with pytest.raises(InputError, match=r"0 of .* variants of the loadings"):
        project_ancestry(pgen, loadings.assign(pos=loadings["pos"] + 1))
    with pytest.raises(InputError, match="column 'frequency'"):
        project_ancestry(pgen, loadings.drop(columns="frequency"))


# --- variants without variance --------------------------------------------------------------------


def linked_cohort(path, extra=()):
    """Two populations at unlinked variants, and a block of one haplotype behind `extra`."""
    rng = np.random.default_rng(11)
    n = 60
    population = np.repeat([0, 1], n // 2)
    rows = []
    for site in range(150):
        frequency = np.clip(rng.uniform(0.2, 0.8) + np.array([-0.15, 0.15]), 0.05, 0.95)
        calls = (rng.random((n, 2)) < frequency[population][:, None]).astype(int)
        rows.append(("chr1", 2_000_000 * (site + 1), "A", "G", [f"{a}/{b}" for a, b in calls]))
    block = [f"{a}/{b}" for a, b in rng.integers(0, 2, (n, 2))]
    last = 2_000_000 * 151
    rows += [("chr1", last + number, "A", "G", calls) for number, calls in enumerate(extra)]
    rows += [("chr1", last + 100 + 10 * i, "A", "G", block) for i in range(80)]
    samples = [f"s{i}" for i in range(n)]
    return write_vcf(path, {"chr1": 500_000_000}, samples, rows), population


def test_variants_at_which_all_are_heterozygous_change_nothing(tmp_path):
    plain, population = linked_cohort(tmp_path / "plain.vcf.gz")
    scores, loadings = fit_ancestry(plain, n_components=2)
    assert abs(np.corrcoef(scores["pc1"], population)[0, 1]) > 0.9
    all_het = ["0/1"] * 60
    with_gap = ["0/1"] * 59 + ["./."]
    for number, extra in enumerate(([all_het], [with_gap], [all_het, with_gap] * 3)):
        other, _ = linked_cohort(tmp_path / f"{number}.vcf.gz", extra)
        again, same = fit_ancestry(other, n_components=2)
        pd.testing.assert_frame_equal(same, loadings)
        pd.testing.assert_frame_equal(again, scores)


def test_no_variance_among_those_who_are_fitted(tmp_path):
    rng = np.random.default_rng(0)
    mixed = ["0/1"] * 30 + [f"{a}/{b}" for a, b in rng.integers(0, 2, (30, 2))]
    fit_on = [f"s{i}" for i in range(30)]
    plain, _ = linked_cohort(tmp_path / "plain.vcf.gz")
    other, _ = linked_cohort(tmp_path / "other.vcf.gz", [mixed])
    _, loadings = fit_ancestry(plain, fit_on, n_components=2)
    _, same = fit_ancestry(other, fit_on, n_components=2)
    pd.testing.assert_frame_equal(same, loadings)


# --- projection ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    """A cohort as rows for `write_vcf`, its loadings and everybody's scores."""
    rng = np.random.default_rng(5)
    n, population = 90, np.repeat([0, 1, 2], 30)
    rows, letters = [], list("ACGT")
    for site in range(900):
        ref, alt = rng.choice(letters, 2, replace=False)
        frequency = np.clip(rng.uniform(0.2, 0.8) + rng.normal(0, 0.15, 3), 0.05, 0.95)
        calls = (rng.random((n, 2)) < frequency[population][:, None]).astype(int)
        place = (str(1 + site // 300), 1_100_000 * (site % 300 + 1) + site)
        rows.append((*place, ref, alt, [f"{a}/{b}" for a, b in calls]))
    samples = [f"s{i}" for i in range(n)]
    folder = tmp_path_factory.mktemp("panel")
    vcf = write_vcf(folder / "v.vcf.gz", CONTIGS, samples, rows)
    scores, loadings = fit_ancestry(vcf, n_components=2)
    return rows, samples, scores, loadings


def project(folder, panel, change, columns=("pc1", "pc2")):
    """Scores and shares of missing calls after `change` to each row."""
    rows, samples, _, loadings = panel
    rng = np.random.default_rng(1)
    changed = [new for row in rows for new in change(row, rng)]
    vcf = write_vcf(folder / "p.vcf.gz", CONTIGS, samples, changed)
    found = project_ancestry(vcf, loadings)
    return found[list(columns)].to_numpy(), found["missing_calls"].to_numpy()


def test_missing_calls_do_not_draw_people_to_zero(tmp_path, panel):
    rate = np.tile([0.0, 0.3, 0.6], 30)

    def lose(row, rng):
        gone = rng.random(90) < rate
        calls = ["./." if g else c for g, c in zip(gone, row[4], strict=True)]
        return [(*row[:4], calls)]

    found, missing = project(tmp_path, panel, lose)
    whole = panel[2][["pc1", "pc2"]].to_numpy()
    np.testing.assert_allclose(missing, rate, atol=0.08)
    np.testing.assert_allclose(found[rate == 0], whole[rate == 0], atol=1e-5)
    for share in (0.3, 0.6):
        own, before = found[rate == share].ravel(), whole[rate == share].ravel()
        slope = (own @ before) / (before @ before)
        assert 0.93 < slope < 1.07  # 0.7 and 0.4 where missing calls count as the mean


def test_the_missing_calls_of_the_fitted_are_told_in_the_log(tmp_path, panel, caplog):
    rows, samples, scores, _ = panel
    fewer = [(*row[:4], ["./.", *row[4][1:]] if i % 4 else row[4]) for i, row in enumerate(rows)]
    vcf = write_vcf(tmp_path / "v.vcf.gz", CONTIGS, samples, fewer)
    again, _ = fit_ancestry(vcf, samples[1:], n_components=2)
    assert again["missing_calls"].iloc[0] == pytest.approx(0.75, abs=0.02)
    assert again["missing_calls"].iloc[1:].max() == 0
    assert "1 of 90 people lack more than 10 % of the calls" in caplog.text
    one = scores[["pc1", "pc2"]].iloc[0]
    ratio = np.linalg.norm(again[["pc1", "pc2"]].iloc[0]) / np.linalg.norm(one)
    assert 0.7 < ratio < 1.4


def test_somebody_without_calls_has_no_scores(tmp_path, panel, caplog):
    found, missing = project(tmp_path, panel, lambda row, _: [(*row[:4], ["./.", *row[4][1:]])])
    assert np.isnan(found[0]).all()
    assert missing[0] == 1
    assert not np.isnan(found[1:]).any()
    assert "1 of 90 people have too few calls" in caplog.text


def flip(text):
    return text.translate(str.maketrans("ACGT", "TGCA"))


def swap(row):
    chrom, position, ref, alt, calls = row
    turned = {"0": "1", "1": "0", ".": ".", "/": "/"}
    return (chrom, position, alt, ref, ["".join(turned[c] for c in call) for call in calls])


def test_swapped_alleles_are_recognised(tmp_path, panel):
    found, missing = project(
        tmp_path, panel, lambda row, rng: [swap(row) if rng.random() < 0.5 else row]
    )
    np.testing.assert_allclose(found, panel[2][["pc1", "pc2"]], atol=1e-5)
    assert missing.max() == 0


def test_joined_and_split_sites_give_the_same_scores(tmp_path, panel):
    """A third allele that nobody carries, in one record or in one of its own, swapped or not."""

    def third(row):
        return next(base for base in "ACGT" if base not in row[2:4])

    def joined(row, rng):
        row = swap(row) if rng.random() < 0.5 else row
        return [(*row[:3], f"{row[3]},{third(row)}", row[4])]

    def split(row, rng):
        row = swap(row) if rng.random() < 0.5 else row
        return [(*row[:3], third(row), ["0/0"] * 90), row]

    whole = panel[2][["pc1", "pc2"]].to_numpy()
    for change in (joined, split):
        found, missing = project(tmp_path, panel, change)
        np.testing.assert_allclose(found, whole, atol=1e-5)
        assert missing.max() == 0


def test_the_other_strand_is_recognised_and_makes_mute_variants_unknown(tmp_path, panel):
    mute = np.mean([{r[2], r[3]} in ({"A", "T"}, {"C", "G"}) for r in panel[0]])
    found, missing = project(
        tmp_path, panel, lambda row, _: [(*row[:2], flip(row[2]), flip(row[3]), row[4])]
    )
    whole = panel[2][["pc1", "pc2"]].to_numpy()
    np.testing.assert_allclose(missing, mute, atol=0.05)
    for number in range(2):
        assert np.corrcoef(found[:, number], whole[:, number])[0, 1] > 0.97
        slope = (found[:, number] @ whole[:, number]) / (whole[:, number] @ whole[:, number])
        assert slope == pytest.approx(1, abs=0.05)


def test_variants_that_the_file_lacks_do_not_shrink_anybody(tmp_path, panel):
    found, missing = project(tmp_path, panel, lambda row, _: [] if row[1] % 16 == 0 else [row])
    assert 0.03 < missing.min() == missing.max() < 0.1
    whole = panel[2][["pc1", "pc2"]].to_numpy()
    assert (found.ravel() @ whole.ravel()) / (whole.ravel() @ whole.ravel()) == pytest.approx(
        1, abs=0.03
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(pc1=np.nan), "column 'pc1'"),
        (lambda t: t.assign(frequency=1.0), "column 'frequency'"),
        (lambda t: t.assign(pos=t["pos"] + 0.5), "column 'pos'"),
        (lambda t: pd.concat([t, t.iloc[:2]]), "2 variants repeat"),
    ],
)
def test_loadings_that_cannot_be_right_are_refused(structured, change, words):
    pgen, _ = structured
    _, loadings = fit_ancestry(pgen, n_components=2)
    with pytest.raises(InputError, match=words):
        project_ancestry(pgen, change(loadings))


# --- lists of people ----------------------------------------------------------------------------


PERSONS = ["s1", "s2", "s3", "f9_s4"]


@pytest.mark.parametrize(
    "text",
    [
        "s1\ns2\n", "s1 s2", "#IID\ns1\ns2\n", "#FID\tIID\nf1\ts1\nf2\ts2\n", "FID IID\nf s1\nf s2",
        "#FID IID SEX\nf s1 1\nf s2 2", "IID SID\ns1 0\ns2 0", "f1 s1\nf2 s2\n", "0\ts1\n0\ts2",
        "s1 s1\ns2 s2\n", "\ufeff#IID\r\ns1\r\n\r\ns2\r\n", "iid\ns1\ns2",
    ],
)  # fmt: skip
def test_lists_as_plink_keeps_them(tmp_path, text):
    file = tmp_path / "ids.txt"
    file.write_bytes(text.encode())
    assert list(dict.fromkeys(read_people(file, PERSONS))) == ["s1", "s2"]


def test_other_lists(tmp_path):
    file = tmp_path / "ids.txt"

    def read(text):
        file.write_text(text)
        return read_people(file, PERSONS)

    assert read("#FID IID\nf9 s4\nf1 s1\n") == ["f9_s4", "s1"]  # as PLINK 1 writes a VCF
    assert read("f9 s4\nf1 s1\n") == ["f9_s4", "s1"]
    assert read("s1\nnobody\n") == ["s1", "nobody"]  # refused by whoever fits
    for text, words in [
        ("", "is empty"),
        ("#FID IID\n", "is empty"),
        ("#FID\nf1\n", "names no column IID"),
        ("#FID IID\nf1\n", "1 lines end before"),
        ("s1 s2\ns2 s3\n", "both hold ids"),
    ]:
        with pytest.raises(InputError, match=words):
            read(text)


def test_the_command_reads_lists_and_ends_in_one_line(structured, tmp_path, capsys):
    pgen, _ = structured
    out = tmp_path / "pcs.tsv"
    keep = tmp_path / "keep.txt"
    keep.write_text("#FID\tIID\n" + "".join(f"0\ts{i}\n" for i in range(0, PEOPLE, 2)))
    main([str(pgen), "--out", str(out), "--components", "2", "--fit-on", str(keep)])
    assert "0 people above 10%" in capsys.readouterr().out
    expected, _ = fit_ancestry(pgen, [f"s{i}" for i in range(0, PEOPLE, 2)], n_components=2)
    pd.testing.assert_frame_equal(pd.read_csv(out, sep="\t"), expected, atol=1e-4)
    bad = tmp_path / "bad.tsv"
    bad.write_bytes(b"\xff\xfe")
    for more in (
        ["--loadings", str(bad)],
        ["--loadings", str(tmp_path / "none")],
        ["--fit-on", str(bad)],
        ["--components", "0"],
        ["--save-loadings", str(tmp_path / "none/l.tsv")],
    ):
        with pytest.raises(SystemExit) as ended:
            main([str(pgen), "--out", str(out), *more])
        assert ended.value.code == 1
        message = capsys.readouterr().err
        assert message.startswith("Error: ")
        assert message.count("\n") == 1


def test_sites_of_three_alleles_are_left_out_split_or_joined(tmp_path):
    rng = np.random.default_rng(6)
    samples = [f"s{i}" for i in range(60)]
    split, joined = [], []
    for site in range(80):
        alleles = rng.choice(3 if site % 2 else 2, (60, 2), p=[0.5, 0.3, 0.2] if site % 2 else None)
        place = ("chr1", 2_000_000 * (site + 1), "A")
        joined.append((*place, "G,T" if site % 2 else "G", [f"{a}|{b}" for a, b in alleles]))
        for number, alt in enumerate("GT" if site % 2 else "G", 1):
            own = (alleles == number).astype(int)
            split.append((*place, alt, [f"{a}|{b}" for a, b in own]))
    results = [
        fit_ancestry(write_vcf(tmp_path / f"{name}.vcf.gz", {"chr1": 400_000_000}, samples, rows),
                     n_components=3)
        for name, rows in (("split", split), ("joined", joined))
    ]  # fmt: skip
    for one, other in zip(*results, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_loadings_that_count_a_variant_twice_are_refused(structured, tmp_path):
    _, loadings = fit_ancestry(structured[0], n_components=2)
    swapped = loadings.iloc[:1].rename(columns={"ref": "alt", "alt": "ref"})
    bare = loadings.iloc[:1].assign(chrom=loadings["chrom"].str.removeprefix("chr"))
    for again in (swapped, bare):
        with pytest.raises(InputError, match="1 variants repeat"):
            project_ancestry(structured[0], pd.concat([loadings, again]))


def test_a_fam_is_a_list_of_people_and_other_bytes_are_one_line(tmp_path):
    file = tmp_path / "keep.fam"
    file.write_text("F a 0 0 1 -9\nF b 0 0 2 -9\n")
    assert read_people(file, ["a", "b", "c"]) == ["a", "b"]
    file.write_bytes(b"a\n\xc4\n")
    with pytest.raises(InputError, match=r"keep\.fam: the list of people cannot be read"):
        read_people(file, ["a"])
