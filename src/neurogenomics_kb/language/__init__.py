"""Texts as vectors: encoders of language, by path."""
