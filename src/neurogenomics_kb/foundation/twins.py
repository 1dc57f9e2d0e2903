"""Twins of encoders: the same architecture with random weights, which has learned nothing.

What a trained model adds to its twin it has learned; what both add, the architecture gives. There
is one mechanism for all families of encoders: an `EncoderFamily` makes an encoder inside
`drawing`, and there `assign` compares a checkpoint's tensors with the network as ever, and leaves
the weights that the network was made with.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any

# Option of a spec that asks for the twin of a seed.
SEED = "random_weights"
# Standard deviation of parameters for which a network of ours has no start of its own, as vision
# transformers draw their tokens and positions.
SPREAD = 0.02
# Types of encoders that compute and hold no weights.
WEIGHTLESS = ("kmer", "eeg_bandpower", "t1_grid")
NO_WEIGHTS = "it has no weights"
_drawn: ContextVar[int | None] = ContextVar("twin", default=None)


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Networks that are made inside keep the random weights of a seed.

    Parameters
    ----------
    seed : int
        Of PyTorch's random numbers, which go on outside as if nothing had been drawn.
    """
    import torch

    token = _drawn.set(seed)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        _drawn.reset(token)


def drawn_seed() -> int | None:
    """Seed of the twin that is being made; None where an encoder gets its trained weights."""
    return _drawn.get()


def twin_id(encoder: str, seed: int) -> str:
    """Name of a twin, under which its features stand.

    Examples
    --------
    >>> twin_id("brainlm", 0)
    'brainlm_random_0'
    """
    return f"{encoder}_random_{seed}"


def twin_spec(spec: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Spec of a twin."""
    return {**spec, SEED: seed}


def why_no_twin(spec: Mapping[str, Any]) -> str:
    """Why an encoder has no twin, in words; empty where it has one.

    Parameters
    ----------
    spec : mapping
        Of its model card.
    """
    kind = str(spec.get("type", ""))
    if kind == "imported":
        return "imported"
    if ":" in kind:
        return "" if _takes_seed(kind) else f"'{kind}' takes no option `{SEED}`"
    if kind in WEIGHTLESS:
        return NO_WEIGHTS
    return "" if spec.get("weights") else "its weights cannot be replaced by random ones"


def _takes_seed(place: str) -> bool:
    """Whether a class of one's own can be made with random weights."""
    module, _, name = place.partition(":")
    try:
        accepted = inspect.signature(getattr(import_module(module), name)).parameters
    except (ImportError, AttributeError, TypeError, ValueError):
        return True  # whoever makes the encoder says what is wrong with the place
    return SEED in accepted or any(p.kind is p.VAR_KEYWORD for p in accepted.values())


def keep_random(module: Any, tensors: Mapping[str, Any]) -> None:
    """Leave a network as it was made, but for what is no weight.

    Buffers hold formulas (positions, windows), and so do parameters that are never trained and
    those that a class names as ``formulas``: they are the architecture's, and are taken from the
    checkpoint. Parameters that a class leaves at zero, since a checkpoint fills them, are drawn;
    biases of a library's layers begin there.

    Parameters
    ----------
    module : torch.nn.Module
        Just made.
    tensors : mapping of str to Tensor
        The checkpoint's, by their name in the module.
    """
    import torch

    for place, part in module.named_modules():
        own = f"{place}." if place else ""
        library = type(part).__module__.split(".")[0] in ("torch", "transformers")
        buffers = dict(part.named_buffers(recurse=False))
        named = {*buffers, *getattr(part, "formulas", ())}
        for name, value in [*buffers.items(), *part.named_parameters(recurse=False)]:
            given, formula = tensors.get(own + name), name in named or not value.requires_grad
            with torch.no_grad():
                if formula and given is not None:
                    value.copy_(given)
                elif not formula and (value.ndim > 1 or not library) and not value.any():
                    value.normal_(0.0, SPREAD)
