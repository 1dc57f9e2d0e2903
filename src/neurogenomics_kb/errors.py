"""The exception that scripts and notebooks catch, under the name that is promised to them."""

from neurogenomics_kb.foundation.errors import InputError

__all__ = ["InputError"]
