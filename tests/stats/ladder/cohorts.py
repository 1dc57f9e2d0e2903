"""Simulated cohorts as the inputs of rungs, fold by fold, and how well rungs predict."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from neurogenomics_kb.stats.ladder.attach import Head
from neurogenomics_kb.stats.ladder.inputs import Inputs
from neurogenomics_kb.stats.prediction.folds import inner_splits
from neurogenomics_kb.stats.transformers.projection import CappedPCA


def folds_of(cohort, n_splits=5):
    groups = np.arange(len(cohort.y)) if cohort.groups is None else cohort.groups
    splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=0)
    return list(splitter.split(cohort.y, cohort.y, groups))


def inputs_of(cohort, train, dim=512):
    """Everybody as the training people see them, and the unlabelled or None."""
    has = cohort.present or {}
    labelled, others = ({}, {}), ({}, {})
    for name, block in cohort.blocks.items():
        known = np.intersect1d(train, np.flatnonzero(has.get(name, np.ones(len(block), bool))))
        values = block.to_numpy()
        centre, scale = values[known].mean(axis=0), values[known].std(axis=0)
        projector = CappedPCA(dim, n_blocks=len(cohort.blocks)).fit(
            (values[known] - centre) / scale
        )
        tables = [(values, labelled)]
        if cohort.unlabelled:
            tables.append((cohort.unlabelled[name].to_numpy(), others))
        for table, (blocks, features) in tables:
            features[name] = (table - centre) / scale
            gaps = np.isnan(features[name])
            features[name][gaps] = 0
            blocks[name] = projector.transform(features[name])
            blocks[name][gaps.any(axis=1)] = 0
    columns = {name: list(block.columns) for name, block in cohort.blocks.items()}
    whole = Inputs(*labelled, columns, cohort.groups, dict(has))
    if not cohort.unlabelled:
        return whole, None
    return whole, Inputs(*others, columns, cohort.unlabelled_groups)


def late_fusion(inputs, y, splits, new):
    """Penalised logistic regression of the projected blocks."""
    blocks = inputs.concatenated()
    nothing = np.zeros((len(y), 1))
    head = Head(continuous=False, attach="append").fit(blocks, nothing, y, splits)
    return head.predict(new.concatenated(), np.zeros((len(new), 1)))


def scores(cohort, rungs, n_splits=5, only=None):
    """Area under the curve of late fusion and of rungs (name: builder), folds in rows."""
    found = {name: [] for name in ("late fusion", *rungs)}
    for train, test in folds_of(cohort, n_splits)[:only]:
        whole, others = inputs_of(cohort, train)
        inside, outside = whole.take(train), whole.take(test)
        y = cohort.y[train]
        splits = inner_splits(y, inside.groups)
        predicted = {"late fusion": late_fusion(inside, y, splits, outside)}
        for name, build in rungs.items():
            rung = build().fit(inside, y, splits, others)
            predicted[name] = rung.predict(outside)
        for name, values in predicted.items():
            found[name].append(roc_auc_score(cohort.y[test], values))
    return {name: np.array(values) for name, values in found.items()}
