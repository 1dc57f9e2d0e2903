"""Executable knowledge base for imaging genetics, as a Kedro project."""

__version__ = "0.1.0"
