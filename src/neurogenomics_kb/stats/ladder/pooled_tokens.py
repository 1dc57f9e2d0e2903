"""Placeholder until merge."""

MASKS_ONLY = "masks only"
