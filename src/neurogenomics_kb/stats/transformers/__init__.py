"""Transformers of tables, fitted in training folds: filters, norms, factors, projections."""
