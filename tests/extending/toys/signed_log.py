"""A preprocessing step: logarithms that keep the sign."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field
from sklearn.preprocessing import FunctionTransformer

from neurogenomics_kb.registry.cards.parts import StepOptions


class SignedLogOptions(StepOptions):
    step: Literal["signed_log"]
    unit: float = Field(1.0, gt=0)


def signed_log(values, unit: float):
    return np.sign(values) * np.log1p(np.abs(values) / unit)


def build(options: SignedLogOptions, available) -> FunctionTransformer:
    return FunctionTransformer(
        signed_log, kw_args={"unit": options.unit}, feature_names_out="one-to-one"
    )
