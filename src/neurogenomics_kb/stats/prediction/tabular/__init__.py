"""Pretrained tabular models, which read the training rows and predict new ones in one pass."""
