"""Texts of genes, regions and scales, and concepts that axes may be described by."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from neurogenomics_kb.registry.cards.base import Card, Modality, Source, Strict


class Text(Strict):
    """A short text and where it stands.

    Parameters
    ----------
    text : str
        One or two sentences in words, as a language model reads them.
    source : str
        Where its facts stand.
    verified : bool
        Whether all of them were looked up there for this card.
    group : str
        Larger whole that it belongs to (a lobe), inside which its units are alike anyway.
    note : str
        What was looked up and what was not.
    """

    text: str = Field(min_length=3, max_length=600)
    source: Source
    verified: bool = False
    group: str = ""
    note: str = ""


class TextSet(Card):
    """What the units of blocks are called and do, in words.

    Parameters
    ----------
    modalities : list of str
        Blocks of these are described by it.
    texts : dict of str to Text
        By name of the unit (gene, region without its hemisphere, scale) or, for units without one,
        of the feature group.
    concepts : dict of str to Text
        Short texts that an axis may be described by.
    """

    type_name: ClassVar[str] = "text_set"
    place: ClassVar[str] = "integration_cards/texts.yaml"
    heading: ClassVar[str] = "Texts"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "modalities": ["smri"],
        "texts": {"insula": {"text": "…, …", "source": "doi:…"}},
        "concepts": {"taste": {"text": "…, …", "source": "doi:…"}},
    }

    modalities: list[Modality] = Field(min_length=1)
    texts: dict[str, Text] = Field(min_length=1)
    concepts: dict[str, Text] = Field(min_length=1)

    @model_validator(mode="after")
    def _texts_differ(self):
        for kind, group in (("texts", self.texts), ("concepts", self.concepts)):
            seen: dict[str, str] = {}
            for name, each in group.items():
                same = seen.setdefault(" ".join(each.text.lower().split()), name)
                if same != name:
                    raise ValueError(
                        f"{kind}: '{same}' and '{name}' have one text; units with one text are one "
                        "unit, so give them one name"
                    )
        return self
