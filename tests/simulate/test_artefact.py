from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.simulate import SimulationSettings, simulate_cohort


@pytest.fixture(scope="module")
def cohorts():
    settings = {"n_subjects": 200, "n_frames": 60, "seed": 3}
    return (
        simulate_cohort(SimulationSettings(**settings)),
        simulate_cohort(SimulationSettings(**settings, artefact=True)),
    )


def test_only_the_failing_gene_changes(cohorts):
    plain, planted = cohorts
    assert "artefact" not in plain.truth
    gene = planted.truth["artefact"]["gene"]
    assert plain.participants["sequencing_batch"].equals(planted.participants["sequencing_batch"])
    assert plain.contigs == planted.contigs
    own = planted.annotation.query(f"gene_name == '{gene}' and feature == 'gene'").iloc[0]

    def outside(cohort):
        variants = cohort.variants
        inside = (variants["chrom"] == own["seqname"]) & variants["pos"].between(
            own["start"], own["end"]
        )
        return set(map(tuple, variants.loc[~inside, ["chrom", "pos", "ref", "alt"]].to_numpy()))

    assert outside(plain) == outside(planted)


def test_calls_of_the_gene_fail_in_one_batch(cohorts):
    _, planted = cohorts
    truth = planted.truth["artefact"]
    own = planted.annotation.query("gene_name == @truth['gene'] and feature == 'gene'").iloc[0]
    variants = planted.variants
    rows = (variants["chrom"] == own["seqname"]) & variants["pos"].between(own["start"], own["end"])
    participants = planted.participants.set_index("participant_id").loc[planted.samples]
    batch = (participants["sequencing_batch"] == truth["batch"]).to_numpy()
    missing = (planted.genotypes[rows.to_numpy()] < 0).any(axis=2).mean(axis=0)
    assert missing[batch].mean() == pytest.approx(truth["missing"], abs=0.06)
    assert missing[~batch].mean() < 0.05
    carried = planted.genotypes[rows.to_numpy()][:, ~batch]
    assert (carried == 1).mean() > 0.93  # the reference holds the rare allele
    longer = variants.loc[rows, "alt"].str.len() - variants.loc[rows, "ref"].str.len()
    assert (longer >= 24).all()
    assert np.isin(variants.loc[rows, "alt"].str[1:3], ["CG"]).all()
