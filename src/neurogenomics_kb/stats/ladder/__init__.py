"""Rungs beyond late fusion: stacking, interaction, two towers, hub tokens, and their choice."""
