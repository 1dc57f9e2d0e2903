"""What the prediction says in report, card and tracking."""

from __future__ import annotations

import itertools
import re

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.prediction import present_curves
from neurogenomics_kb.pipelines.integration.analyses.prediction.lacking import not_run
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    COVARIATES,
    models_of,
    with_covariates,
)
from neurogenomics_kb.pipelines.integration.design import first_algorithm
from neurogenomics_kb.pipelines.view import (
    Heading,
    Item,
    Note,
    Part,
    Picture,
    Section,
    Statement,
    Table,
    finite,
    format_number,
    format_p,
    head,
    interval,
    numeric,
    p_cell,
    row,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe

NAME = "prediction"
VARIANTS = {
    "adjusted": "regressed out",
    "unadjusted": "left in",
    "curved": "regressed out, with curves",
}
LABELS = {
    "auroc": "AUROC",
    "macro_auroc": "AUROC of one class against the rest, mean of classes",
    "r2": "held-out R²",
}
KEYS = ["model", "variant", "algorithm"]


def present_prediction(
    recipe: Recipe, metrics: pd.DataFrame, comparisons: pd.DataFrame, curves: pd.DataFrame
) -> Part:
    """Sentences, tables and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    metrics, comparisons, curves : DataFrame
        Tables of the analysis.
    """
    findings = _findings(recipe, metrics, comparisons)
    bent = present_curves.sentences(recipe, curves)
    # A result that the card's straight lines made is no result: this is said before it.
    first = bent if present_curves.disagrees(recipe, curves) else []
    items = _items(recipe, metrics, comparisons)
    if not metrics.empty:
        items += present_curves.items(recipe, curves)
    return Part(
        analysis=NAME,
        first=first,
        findings=findings if first else [*findings, *bent],
        cautions=not_run(recipe, metrics),
        sections=[Section(id=NAME, title="Prediction", items=items)],
        statements=[
            *_statements(recipe, metrics, comparisons),
            *present_curves.statements(curves),
        ],
        metrics=_tracked(metrics, comparisons, curves),
    )


def primary_rows(recipe: Recipe, metrics: pd.DataFrame) -> pd.DataFrame:
    """Primary metric of the first algorithm, confounds regressed out of the blocks."""
    return metrics[
        (metrics["metric"] == recipe.primary_metric)
        & (metrics["variant"] == "adjusted")
        & (metrics["algorithm"] == first_algorithm(recipe))
    ]


def _findings(recipe: Recipe, metrics: pd.DataFrame, comparisons: pd.DataFrame) -> list[str]:
    """What the models reach, and whether they add to the covariates."""
    rows = primary_rows(recipe, metrics)
    if rows.empty:
        return []
    algorithm = first_algorithm(recipe)
    text = ", ".join(
        f"{r.model} {r.value:.2f} {interval(r.ci_low, r.ci_high, 2)}".rstrip()
        for r in rows.itertuples()
    )
    label = LABELS[recipe.primary_metric]
    sentences = [f"Prediction of {recipe.experiment.outcome} ({label}, {algorithm}): {text}."]
    alone = {with_covariates(m): m for m in models_of(recipe.blocks)}
    against = comparisons[
        (comparisons["reference"] == COVARIATES) & (comparisons["algorithm"] == algorithm)
    ]
    for r in against.itertuples():
        better = r.p_adjusted < recipe.experiment.alpha and r.difference > 0
        name = alone[r.model]
        sentences.append(
            f"{name[0].upper()}{name[1:]} {'adds to' if better else 'does not demonstrably add to'}"
            f" the covariates: difference {r.difference:+.3f} "
            f"{interval(r.ci_low, r.ci_high, signed=True)}, {format_p(r.p_raw)}, Holm "
            f"{format_p(r.p_adjusted)} (corrected resampled t, df = {r.df:g})."
        )
    return sentences


def _statements(
    recipe: Recipe, metrics: pd.DataFrame, comparisons: pd.DataFrame
) -> list[Statement]:
    """Primary metric of every model, and fusion against the covariates."""
    out = [
        Statement(
            test=f"{r.model} ({r.algorithm})",
            measure=r.metric,
            estimate=finite(r.value),
            ci_low=finite(r.ci_low),
            ci_high=finite(r.ci_high),
        )
        for r in primary_rows(recipe, metrics).itertuples()
    ]
    *_, top = models_of(recipe.blocks)  # all that there is, with the covariates
    rows = comparisons[
        (comparisons["model"] == top)
        & (comparisons["reference"] == COVARIATES)
        & (comparisons["algorithm"] == first_algorithm(recipe))
    ]
    return out + [
        Statement(
            test=f"{r.model} over {r.reference} ({r.algorithm})",
            measure=f"difference of {r.metric}",
            estimate=finite(r.difference),
            ci_low=finite(r.ci_low),
            ci_high=finite(r.ci_high),
            p_raw=finite(r.p_raw),
            p_adjusted=finite(r.p_adjusted),
            adjustment=r.adjustment,
        )
        for r in rows.itertuples()
    ]


def _tracked(
    metrics: pd.DataFrame, comparisons: pd.DataFrame, curves: pd.DataFrame
) -> dict[str, float]:
    """Flat numbers; the parts of a name are separated by slashes, which no part holds."""
    out: dict[str, float] = {}
    for r in metrics.itertuples():
        names = [r.metric, *([r.level] if r.level else []), r.algorithm, r.model]
        names += [] if r.variant == "adjusted" else [r.variant]
        _add(out, names, r.value)
    for r in comparisons[comparisons["variant"] == "adjusted"].itertuples():
        names = ["difference", r.algorithm, r.model, "over", r.reference]
        _add(out, names, r.difference)
        _add(out, [*names, "p_raw"], r.p_raw)
    for r in curves.itertuples():
        names = ["difference", r.algorithm, r.model, "over", r.reference, "curved"]
        _add(out, names, r.curved_difference)
        _add(out, [*names, "p_raw"], r.curved_p_raw)
        _add(out, [*names, "change"], r.change)
        _add(out, [*names, "p_change"], r.p_change)
    return out


def _add(out: dict[str, float], names: list[str], value: float) -> None:
    """Put a number under a name that MLflow accepts and that no other number has."""
    parts = [re.sub(r"[^\w.\- ]+", "-", n.replace(" + ", " with ")).strip() for n in names]
    name = "/".join(parts)
    numbered = (f"{name} {i}" for i in itertools.count(2))
    free = next(n for n in itertools.chain([name], numbered) if n not in out)
    out[free] = float(value)


def _items(recipe: Recipe, metrics: pd.DataFrame, comparisons: pd.DataFrame) -> list[Item]:
    """Figures and tables of the section."""
    items: list[Item] = [
        Picture(
            figure="performance",
            alt="Primary metric of every model with its interval",
            caption="Every model on the same folds. A block that adds nothing to the covariates "
            "is no evidence for that block.",
        ),
        Picture(figure="curves", alt="Curves of the models: ROC, precision, calibration, benefit"),
    ]
    if metrics.empty:
        return items
    items.append(_metric_table(metrics))
    classes = list(dict.fromkeys(m for m in metrics["level"] if m))
    if classes:
        items += [
            Heading(text="By class"),
            _class_table(metrics, classes),
            Note(
                text="AUROC of one class against the rest, with the class's share in brackets (not "
                "shown where a class has fewer than 10 subjects). The macro AUROC above is their "
                "mean, and what models are compared by. Brier is summed over classes, 0 to 2; "
                f"balanced accuracy takes the most probable class, chance is 1 / {len(classes)}."
            ),
        ]
    later = (
        " The one test set is later in time: here both tests take the fitted models as given "
        "(DeLong, families summed)."
        if recipe.experiment.folds.scheme == "temporal"
        else ""
    )
    items += [
        Heading(text="Comparisons"),
        _comparison_table(comparisons, recipe.experiment.alpha),
        Note(
            text="Does the model beat the other? One-sided corrected resampled t-test over "
            f"{_folds_of(recipe)}, df = number of folds − 1; Holm over all rows; the interval is "
            f"two-sided.{later}"
        ),
    ]
    return items


def _folds_of(recipe: Recipe) -> str:
    """What the test goes over."""
    n_repeats = recipe.experiment.folds.n_repeats
    return "folds" if n_repeats == 1 else f"the folds of {n_repeats} repeats"


def _cells(frame: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Value with interval by metric and class."""
    return {
        (r.metric, r.level): " ".join(
            filter(None, [format_number(float(r.value)), interval(r.ci_low, r.ci_high, 2)])
        )
        for r in frame.itertuples()
    }


def _metric_table(metrics: pd.DataFrame) -> Table:
    """A row per model, a column per metric of all classes."""
    names = list(dict.fromkeys(metrics.loc[metrics["level"] == "", "metric"]))
    rows = []
    for (model, variant, algorithm), frame in metrics.groupby(KEYS, sort=False):
        cells = _cells(frame)
        rows.append(
            row(
                [
                    word(model),
                    word(VARIANTS[variant]),
                    word(algorithm),
                    *(numeric(cells.get((n, ""), "")) for n in names),
                ]
            )
        )
    return Table(
        name="metrics",
        head=head(
            ["model", "confounds in blocks", "algorithm"], [n.replace("_", " ") for n in names]
        ),
        rows=rows,
    )


def _class_table(metrics: pd.DataFrame, classes: list[str]) -> Table:
    """A row per model, a column per class."""
    share = {
        r.level: f" ({format_number(float(r.value))})"
        for r in metrics[metrics["metric"] == "prevalence"].itertuples()
    }
    rows = []
    for (model, variant, algorithm), frame in metrics.groupby(KEYS, sort=False):
        cells = _cells(frame)
        rows.append(
            row(
                [
                    word(model),
                    word(VARIANTS[variant]),
                    word(algorithm),
                    *(numeric(cells[("auroc", c)]) for c in classes),
                ]
            )
        )
    return Table(
        name="metrics by class",
        head=head(
            ["model", "confounds in blocks", "algorithm"],
            [f"{c}{share.get(c, '')}" for c in classes],
        ),
        rows=rows,
    )


def _comparison_table(comparisons: pd.DataFrame, alpha: float) -> Table:
    """Paired comparisons."""
    return Table(
        name="comparisons",
        head=head(
            ["model", "against", "algorithm"],
            ["difference", "95 % interval", "p", "p, Holm"],
        ),
        rows=[
            row(
                [
                    word(r.model),
                    word(r.reference),
                    word(r.algorithm),
                    numeric(f"{r.difference:+.3f}"),
                    numeric(interval(r.ci_low, r.ci_high, signed=True)),
                    p_cell(r.p_raw),
                    p_cell(r.p_adjusted),
                ],
                hit=r.p_adjusted < alpha,
            )
            for r in comparisons.itertuples()
        ],
    )
