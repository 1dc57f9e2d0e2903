"""Encoders from the specs on model cards, the same way for DNA, brain images and EEG."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from neurogenomics_kb.foundation.errors import InputError, listing, nearest
from neurogenomics_kb.foundation.twins import SEED, drawing


@dataclass(frozen=True)
class EncoderFamily:
    """Encoders of one kind of data: which there are, and what a class of one's own must offer.

    Parameters
    ----------
    what : str
        Name of the kind in messages, such as ``encoder``.
    known : mapping of str to (str or callable)
        Where each type is made: ``module:name`` below `package`, so that PyTorch is imported when
        it is wanted, or the maker itself.
    package : str
        Package that holds the known encoders.
    members : sequence of str
        Methods of an encoder class.
    guide : str
        Page that says what a class needs.
    """

    what: str
    known: Mapping[str, str | Callable[..., Any]]
    package: str
    members: Sequence[str]
    guide: str

    def make(self, card_or_spec: Any, **more: Any) -> Any:
        """Make the encoder that a card or a spec describes.

        Parameters
        ----------
        card_or_spec : mapping or object
            A spec with its ``type`` and options, or something that holds one under ``spec`` (an
            attribute or a key). The type is one of `known` or ``package.module:Class``. With
            ``random_weights: <seed>`` it is the encoder's twin, see
            `neurogenomics_kb.foundation.twins`.
        **more
            Options beside the spec's own, given to makers that take them.

        Raises
        ------
        InputError
            If there is no type, it is unknown or no encoder class, or it has no such option.
        """
        spec = read_spec(card_or_spec)
        if "type" not in spec:
            raise InputError(
                f"the spec of an {self.what} needs a 'type', got {dict(spec)!r}",
                remedy=self._choices,
            )
        kind = str(spec["type"])
        options = {name: value for name, value in spec.items() if name != "type"}
        make = self._maker(kind)
        accepted = inspect.signature(make).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
        options |= {n: value for n, value in more.items() if takes_all or n in accepted}
        # A class of one's own reads its weights itself, so it is told; ours only notice.
        seed = options.get(SEED) if SEED in accepted else options.pop(SEED, None)
        try:
            if seed is None:
                return make(**options)
            with drawing(seed):
                twin = make(**options)
            twin.framing = {**twin.framing, SEED: seed}
            return twin
        except TypeError as error:
            raise InputError(
                f"the options {listing(sorted(options))} do not fit {self.what} type '{kind}' "
                f"({error})",
                remedy="Correct the card's spec.",
            ) from None

    @property
    def _choices(self) -> str:
        known = listing(sorted(self.known), len(self.known))
        return f"Known types: {known}, or package.module:Class."

    def _maker(self, kind: str) -> Callable[..., Any]:
        place = self.known.get(kind)
        if place is not None and not isinstance(place, str):
            return place
        if place is not None:
            module, _, name = place.partition(":")
            return getattr(import_module(f"{self.package}.{module}"), name)
        return self._own_class(kind)

    def _own_class(self, kind: str) -> type:
        """Class at ``package.module:Class`` of the environment; nothing is downloaded."""
        module, _, name = kind.partition(":")
        if not name:
            raise InputError(
                f"unknown {self.what} type '{kind}'{nearest(kind, self.known)}",
                column="type",
                remedy=self._choices,
            )
        try:
            found = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"there is no '{kind}' ({error})",
                column="type",
                remedy="Install the package that holds the class, or correct the model card.",
            ) from None
        # A card could name any callable; only a class that offers what an encoder does is called.
        offered = inspect.isclass(found) and all(
            callable(getattr(found, member, None)) for member in self.members
        )
        if not offered:
            raise InputError(
                f"'{kind}' is not a class with the methods {listing(self.members)}",
                column="type",
                remedy=f"See {self.guide} for what it needs.",
            )
        return found


def read_spec(card_or_spec: Any) -> Mapping[str, Any]:
    """Spec of a card, or the spec itself; an empty one where there is none."""
    spec = getattr(card_or_spec, "spec", card_or_spec)
    if isinstance(spec, Mapping) and "spec" in spec:
        spec = spec["spec"]
    return spec if isinstance(spec, Mapping) else {}
