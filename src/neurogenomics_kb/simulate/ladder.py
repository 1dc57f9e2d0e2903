"""Cohorts on which a rung beyond late fusion wins, or must not, and by a known rule.

Every generator draws from ``numpy.random.default_rng(seed)``. People of a cohort with families come
in sibships of one to four; a block of theirs is ``√h · family + √(1 − h) · own`` with h = 0.5, and
so is every latent below, so that each value keeps mean 0 and variance 1. By default odd seeds have
families and even ones have none. An outcome is drawn with probability
``1 / (1 + exp(−(score + f)))``, where f is normal with SD 0.5, one value a family, and 0 without
families.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.simulate.ladder_draw import BRAIN, GENE, Draw, LadderCohort, SeriesCohort

# Factors of a block that the other block does not share.
OWN, OWN_SD = 8, 3.0


def additive(
    n: int = 1000, p: int = 16, *, effect: float = 1.0, seed: int = 0, families: bool | None = None
) -> LadderCohort:
    """Outcome of one axis in each block, which late fusion takes in full.

    ``score = effect · (a + b)``; a is an axis of the gene block and b one of the brain block, all
    columns standard normal.

    Parameters
    ----------
    n : int
        People.
    p : int
        Columns of each block.
    effect : float
        Log odds by one standard deviation of an axis; 0 gives a null cohort.
    seed : int
        Seed of the cohort.
    families : bool, optional
        Whether people have siblings; odd seeds by default.
    """
    draw = Draw(seed, n, families)
    gene, brain = draw.normal(p), draw.normal(p)
    return draw.cohort(gene, brain, effect * (draw.axis(gene) + draw.axis(brain)))


def one_linear_one_absolute(
    n: int = 1000, p: int = 16, *, effect: float = 1.5, seed: int = 0, families: bool | None = None
) -> LadderCohort:
    """Outcome of a linear axis of one block and the absolute value of an axis of the other.

    ``score = a + effect · (|u| − √(2/π)) / √(1 − 2/π)``; a is an axis of the gene block, u the
    first column of the brain block. A linear model of the brain block sees nothing.

    Parameters
    ----------
    n : int
        People.
    p : int
        Columns of each block.
    effect : float
        Log odds by one standard deviation of |u|.
    seed : int
        Seed of the cohort.
    families : bool, optional
        Whether people have siblings; odd seeds by default.
    """
    draw = Draw(seed, n, families)
    gene, brain = draw.normal(p), draw.normal(p)
    folded = (np.abs(brain[:, 0]) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi)
    return draw.cohort(gene, brain, draw.axis(gene) + effect * folded)


def product_of_axes(
    n: int = 1000,
    p: int = 8,
    *,
    effect: float = 2.0,
    main: float = 0.2,
    seed: int = 0,
    families: bool | None = None,
) -> LadderCohort:
    """Outcome of the product of a gene and a brain axis, with weak main effects.

    ``score = main · (a + b) + effect · a · b``; a and b are the first columns of their blocks.

    Parameters
    ----------
    n : int
        People.
    p : int
        Columns of each block.
    effect : float
        Log odds by a product of 1.
    main : float
        Log odds by one standard deviation of an axis alone.
    seed : int
        Seed of the cohort.
    families : bool, optional
        Whether people have siblings; odd seeds by default.
    """
    draw = Draw(seed, n, families)
    gene, brain = draw.normal(p), draw.normal(p)
    a, b = gene[:, 0], brain[:, 0]
    return draw.cohort(gene, brain, main * (a + b) + effect * a * b)


def shared_latent(
    labelled: int = 300,
    paired: int = 4000,
    p: int = 128,
    *,
    latents: int = 3,
    link: Literal["linear", "squared"] = "linear",
    outcome: Literal["shared", "specific"] = "shared",
    effect: float = 2.0,
    seed: int = 0,
    families: bool | None = None,
) -> LadderCohort:
    """Few latent variables drive both blocks; most people have both blocks and no outcome.

    With z (n, k) standard normal, u and v (n, 8), noise e of unit variance, and rows of A, B, C, D
    orthonormal directions,

    ``gene = s · z A + 3 · u B + e`` and ``brain = s · g(z) C + 3 · v D + e'``.

    Own factors u and v have several times the variance of what the blocks share, so principal axes
    of few people find them first. With the linear link ``g(z) = z`` and s is 1.2; with the squared
    one ``g(z) = (z² − 1) / √2``, which no linear axis of the gene block correlates with, and s is
    2.8 in the gene block and 1.2 in the brain block. ``score = effect · Σ g(z) / √k``, or with a
    specific outcome ``effect · Σ u[:, :3] / √3``.

    Its many parameters say which of the three statements is put to the test.

    Parameters
    ----------
    labelled : int
        People with an outcome.
    paired : int
        People with both blocks, those with an outcome among them.
    p : int
        Columns of each block, in units of four components.
    latents : int
        k.
    link : {"linear", "squared"}
        How the brain block depends on the latents.
    outcome : {"shared", "specific"}
        What the outcome depends on.
    effect : float
        Log odds by one standard deviation.
    seed : int
        Seed of the cohort.
    families : bool, optional
        Whether people have siblings; odd seeds by default.
    """
    refuse_unknown("link", link, ("linear", "squared"))
    refuse_unknown("outcome", outcome, ("shared", "specific"))
    draw = Draw(seed, paired, families)
    z = draw.normal(latents)
    shape = z if link == "linear" else (z**2 - 1) / np.sqrt(2)
    strength = {"gene": 1.2 if link == "linear" else 2.8, "brain": 1.2}
    own = {"gene": draw.normal(OWN), "brain": draw.normal(OWN)}
    blocks = {}
    for name, latent, names in (("gene", z, GENE), ("brain", shape, BRAIN)):
        axes = np.linalg.qr(draw.rng.normal(size=(p, latents + OWN)))[0].T
        values = strength[name] * latent @ axes[:latents] + draw.normal(p)
        values = values + OWN_SD * own[name] @ axes[latents:]
        blocks[name] = draw.table(values, names, components=4)
    source = shape if outcome == "shared" else own["gene"][:, :3]
    y = draw.outcome(effect * source.sum(axis=1) / np.sqrt(source.shape[1]))
    cut = labelled
    if draw.groups is not None:  # no sibling of a person with an outcome is left among the others
        cut = int(np.searchsorted(draw.groups, draw.groups[labelled - 1], side="right"))
    return LadderCohort(
        {name: table.iloc[:cut] for name, table in blocks.items()},
        y[:cut],
        None if draw.groups is None else draw.groups[:cut],
        {name: table.iloc[cut:] for name, table in blocks.items()},
        None if draw.groups is None else draw.groups[cut:],
    )


def sparse_motif(
    n: int = 2000,
    tokens: int = 32,
    components: int = 8,
    *,
    carriers: int = 1,
    strength: float = 3.0,
    seed: int = 0,
    families: bool | None = None,
) -> LadderCohort:
    """One token or a few of a person, at places of his own, carry a motif that tells the outcome.

    All ``tokens × components`` columns of both blocks are standard normal. `carriers` tokens of
    each block, drawn for each person, are moved by ``strength · t · m``; m is one component of the
    block, and t is 1 in cases and −1 in controls. Every column thus holds the motif in few people,
    and a linear model of all columns has to find it in each of them.

    Parameters
    ----------
    n : int
        People.
    tokens : int
        Tokens (units) of each block.
    components : int
        Components of a token.
    carriers : int
        Tokens of a person's block that carry the motif.
    strength : float
        Size of the motif, in standard deviations.
    seed : int
        Seed of the cohort.
    families : bool, optional
        Whether people have siblings; odd seeds by default.
    """
    draw = Draw(seed, n, families)
    y = draw.outcome(np.zeros(n))
    blocks = {}
    for name, names in (("gene", GENE), ("brain", BRAIN)):
        values = draw.normal(tokens * components).reshape(n, tokens, components)
        component = draw.rng.integers(components)
        places = draw.rng.random((n, tokens)).argsort(axis=1)[:, :carriers]
        values[np.arange(n)[:, None], places, component] += strength * (2 * y - 1)[:, None]
        blocks[name] = draw.table(values.reshape(n, -1), names, components)
    return LadderCohort(blocks, y, draw.groups)


def structured_missingness(
    n: int = 600,
    tokens: int = 16,
    components: int = 4,
    *,
    lacking: tuple[float, float] = (0.15, 0.45),
    seed: int = 0,
    families: bool | None = None,
) -> LadderCohort:
    """No biology at all: the blocks are noise, but cases lack the brain block more often.

    Columns are standard normal and independent of the outcome, which half of the people have. The
    brain block is missing with probability ``lacking[y]``. Missingness alone then predicts with an
    AUROC of ``½ + (lacking[1] − lacking[0]) / 2``.

    Parameters
    ----------
    n : int
        People.
    tokens : int
        Tokens (units) of each block.
    components : int
        Components of a token.
    lacking : tuple of float
        Probability that controls and cases lack the brain block.
    seed : int
        Seed of the cohort.
    families : bool, optional
        Whether people have siblings; odd seeds by default.
    """
    draw = Draw(seed, n, families)
    y = draw.outcome(np.zeros(n))
    gene, brain = draw.normal(tokens * components), draw.normal(tokens * components)
    there = draw.rng.random(n) >= np.array(lacking)[y]
    brain[~there] = np.nan
    blocks = {
        "gene": draw.table(gene, GENE, components),
        "brain": draw.table(brain, BRAIN, components),
    }
    return LadderCohort(
        blocks, y, draw.groups, present={"gene": np.ones(n, dtype=bool), "brain": there}
    )


def repetition_times(
    n: int = 300,
    channels: int = 2,
    *,
    trs: tuple[float, float] = (0.8, 2.0),
    seconds: float = 480.0,
    effect: float = 2.0,
    seed: int = 0,
    families: bool | None = None,
) -> SeriesCohort:
    """Runs of one length in seconds; the outcome changes two rhythms of the signal, in Hertz.

    Channel j of a person at time t (seconds) is ``Σ_f A_f · q_f(t) + e(t)`` over six bands f, 0.02
    to 0.12 Hz in steps of 0.02. q_f is the sum of five sines of random phase with frequencies
    spread over ± 0.008 Hz about f, of unit variance. The noise e is white along frames with SD 0.7
    times √(0.8 / TR), so that its power per Hertz does not tell the scanner. ``ln A_f = 0.5 · a_f``
    with a standard normal a of every person, channel and band; the outcome's score is
    ``effect · Σ_j (a_0.04 − a_0.10) / √(2 · channels)``. At 0.8 and 2.0 s one
    pattern along samples stands for frequencies 2.5 times apart: 0.04 Hz at 2.0 s looks like
    0.10 Hz at 0.8 s, which has the opposite effect. Sites 0 and 1 have the first repetition time,
    2 and 3 the second; nothing else differs, and the outcome is as frequent in all.

    Parameters
    ----------
    n : int
        People.
    channels : int
        Channels (parcels) of a run.
    trs : tuple of float
        Repetition times, seconds.
    seconds : float
        Length of a run.
    effect : float
        Log odds by one standard deviation.
    seed : int
        Seed of the cohort.
    families : bool, optional
        Whether people have siblings (at one site); odd seeds by default.
    """
    draw = Draw(seed, n, families)
    rng, bands = draw.rng, np.arange(1, 7) * 0.02
    size = draw.normal(channels * len(bands)).reshape(n, channels, len(bands))
    contrast = (size[:, :, 1] - size[:, :, 4]).sum(axis=1) / np.sqrt(2 * channels)
    y = draw.outcome(effect * contrast)
    units = np.arange(n) if draw.groups is None else draw.groups
    site = rng.integers(4, size=n)[units]
    tr = np.asarray(trs)[site // 2]
    spread = np.linspace(-0.008, 0.008, 5)
    series = []
    for i in range(n):
        times = np.arange(int(seconds / tr[i])) * tr[i]
        phase = rng.uniform(0, 2 * np.pi, (channels, len(bands), len(spread)))
        angle = 2 * np.pi * (bands[:, None] + spread)[..., None] * times + phase[..., None]
        rhythm = np.sin(angle).sum(axis=2) * np.sqrt(2 / len(spread))
        signal = (np.exp(0.5 * size[i])[..., None] * rhythm).sum(axis=1)
        noise = 0.7 * np.sqrt(0.8 / tr[i]) * rng.normal(size=signal.shape)
        series.append((signal + noise).T)
    return SeriesCohort(series, tr, site, y, draw.groups)
