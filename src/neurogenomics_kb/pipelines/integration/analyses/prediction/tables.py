"""Tables of the prediction."""

from __future__ import annotations

from neurogenomics_kb.foundation.contracts import Column, Contract
from neurogenomics_kb.foundation.naming import SUBJECT

_KEYS = (
    Column("model", "What the model sees, in words; never taken apart.", "text"),
    Column(
        "variant",
        "Confounds of the blocks regressed out (adjusted), with curves and products of them "
        "(curved), or left in (unadjusted).",
        "text",
    ),
    Column("algorithm", "Predictor of the experiment.", "text"),
)
PREDICTIONS = Contract(
    "integration.predictions",
    "Out-of-fold prediction of one person by one model.",
    "model_output",
    (
        *_KEYS,
        Column("repeat", "Repeat of the folds, from 0.", "integer"),
        Column("fold", "Test fold, from 0, numbered on over repeats.", "integer"),
        Column("n_features", "Columns that the model saw.", "integer"),
    ),
    index=SUBJECT,
    further="outcome, and score and training_mean, or probability:<class> for several classes.",
)
METRICS = Contract(
    "integration.metrics",
    "One metric of one model with its interval.",
    "model_output",
    (
        *_KEYS,
        Column("metric", "Name of the metric.", "text"),
        Column("level", "Class of a metric of one class; empty for metrics of all.", "text"),
        Column("value", "Value of the metric."),
        Column("ci_low", "Lower end of the 95 % interval."),
        Column("ci_high", "Upper end of the 95 % interval."),
        Column("method", "How value and interval were made.", "text"),
        Column("n", "People predicted.", "integer", "people"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)
COMPARISONS = Contract(
    "integration.comparisons",
    "Paired comparison of one model with another over the folds.",
    "model_output",
    (
        _KEYS[0],
        Column("reference", "Model that it is compared with.", "text"),
        *_KEYS[1:],
        Column("metric", "Metric that is compared.", "text"),
        Column("difference", "Metric of the model less that of the reference."),
        Column("ci_low", "Lower end of the 95 % interval."),
        Column("ci_high", "Upper end of the 95 % interval."),
        Column("t", "Statistic."),
        Column("df", "Degrees of freedom."),
        Column("p_raw", "One-sided p that the model is no better."),
        Column("p_adjusted", "The same over all comparisons of the table."),
        Column("adjustment", "How p_adjusted was made.", "text"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)
CURVES = Contract(
    "integration.curved_comparisons",
    "What all blocks add to the covariates, beside the same with curves and products of the "
    "confounds.",
    "model_output",
    (
        Column("model", "All blocks with the covariates.", "text"),
        Column("reference", "The covariates alone.", "text"),
        Column("algorithm", "First predictor of the experiment.", "text"),
        Column("metric", "Metric that is compared.", "text"),
        Column("curves", "Curves and products that the richer design has.", "text"),
        Column("difference", "Metric of the model less that of the reference, as on the card."),
        Column("ci_low", "Lower end of its 95 % interval."),
        Column("ci_high", "Upper end of its 95 % interval."),
        Column("p_raw", "One-sided p that the model is no better."),
        Column("curved_difference", "The same difference with curves and products in both."),
        Column("curved_ci_low", "Lower end of its 95 % interval."),
        Column("curved_ci_high", "Upper end of its 95 % interval."),
        Column("curved_p_raw", "One-sided p that the model is no better, with curves in both."),
        Column("change", "Difference with curves less that without."),
        Column("change_ci_low", "Lower end of its 95 % interval; empty with one test set."),
        Column("change_ci_high", "Upper end of its 95 % interval; empty with one test set."),
        Column("p_change", "Two-sided p that curves change nothing; empty with one test set."),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)
