"""What hand-written pages take from the cards, so that no page says anything else than they do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from neurogenomics_kb.registry.cards import EmbeddingStrategy, Fact, ModelCard, ResultCard
from neurogenomics_kb.registry.field_map import map_fields, runs_of
from neurogenomics_kb.registry.integrity import field_value
from neurogenomics_kb.registry.markdown import (
    code,
    number,
    relative,
    source,
    source_of,
    table,
    text,
    tick,
)
from neurogenomics_kb.registry.survey_pages import counts

if TYPE_CHECKING:
    from neurogenomics_kb.registry.site import Catalogue

MACRO = re.compile(r"\{\{\s*(kb(?:-\w+)?)(?::([^}\s]+))?\s*\}\}")


def fill(catalogue: Catalogue, markdown: str, here: str) -> str:
    """Replace what a page asks for from the cards.

    Parameters
    ----------
    markdown : str
        ``{{ kb:id.field }}`` becomes the value, ``{{ kb:id }}`` a link, ``{{ kb-plan }}`` the
        live plan; the others are named in `MACROS`.
    here : str
        Path of the page inside the documentation folder.

    Raises
    ------
    KeyError
        If a page cites a card, field or macro that does not exist.
    """

    def replacement(match: re.Match) -> str:
        name, argument = match.groups()
        if name not in MACROS:
            raise KeyError(f"{here}: there is nothing called '{{{{ {name} }}}}'")
        filled = MACROS[name](catalogue, argument or "", here)
        begins = re.search(r"(\.|\.\*\*)\s+$", markdown[: match.start()])
        return filled[:1].upper() + filled[1:] if begins and name == "kb-fact" else filled

    return MACRO.sub(replacement, markdown)


def cited(catalogue: Catalogue, card_id: str, here: str) -> Any:
    """Card that a page names."""
    if card_id not in catalogue.cards:
        raise KeyError(f"{here}: there is no card '{card_id}'")
    return catalogue.cards[card_id]


def value(catalogue: Catalogue, place: str, here: str) -> str:
    """Value of a field, or a link to the card."""
    card_id, _, field = place.partition(".")
    card = cited(catalogue, card_id, here)
    if not field:
        return catalogue.link(card_id, here)
    found = field_value(card, field)
    return text(", ".join(map(str, found)) if isinstance(found, list) else str(found))


def cited_fact(catalogue: Catalogue, place: str, here: str) -> str:
    """Value of a fact with the link to its source, and whether it was looked up."""
    card_id, _, name = place.partition(".")
    return cited_value(field_value(cited(catalogue, card_id, here), f"facts.{name}"), here)


def cited_value(fact: Fact, here: str) -> str:
    """Value of a fact and where it stands."""
    value = ", ".join(map(str, fact.value)) if isinstance(fact.value, list) else str(fact.value)
    return f"{text(value)} ({reference(fact.source, here)}{looked_up(fact.verified)})"


def reference(where: str, here: str) -> str:
    """The word `source` as a link, or the source itself where it cannot be opened."""
    address = source_of(where, here)[1]
    return f"[source]({address})" if address else source(where, here)


def looked_up(verified: bool) -> str:
    """Words beside a source that nobody opened for the card."""
    return "" if verified else ", not looked up"


def trained_on(catalogue: Catalogue, card_id: str, here: str) -> str:
    """Whose data a model was trained on, with the source, as its card says it."""
    seen = getattr(cited(catalogue, card_id, here), "pretraining_cohorts", None)
    if seen is None:
        return "its card does not say whose data it was trained on"
    if not seen.known:
        said = f"unknown, {text(seen.reason)}"
    elif seen.cohorts:
        said = f"trained on {', '.join(map(code, seen.cohorts))}"
    else:
        said = f"on nobody, {text(seen.reason)}"
    return f"{said} ({reference(seen.source, here)}{looked_up(seen.verified)})"


def strategies_with(catalogue: Catalogue, card_id: str) -> list[EmbeddingStrategy]:
    """Embedding strategies that run a model card."""
    return [
        c
        for c in catalogue.of_type("embedding_strategy")
        if isinstance(c, EmbeddingStrategy) and c.encoder == card_id
    ]


def strategies(catalogue: Catalogue, card_id: str, here: str) -> str:
    """Table of the strategies that run a model card."""
    cited(catalogue, card_id, here)
    rows = [[catalogue.link(c.id, here), text(c.title), c.status, ", ".join(map(level, c.levels))]
            for c in strategies_with(catalogue, card_id)]  # fmt: skip
    if not rows:
        return "No strategy card runs it."
    return table(["strategy", "what", "status", "levels"], rows)


def results_of_model(catalogue: Catalogue, card_id: str, here: str) -> str:
    """Published results that rest on a model card: its block's score beside covariates alone."""
    cited(catalogue, card_id, here)
    recipes = {card_id, *(c.id for c in strategies_with(catalogue, card_id))}
    rows = []
    for card in catalogue.of_type("result"):
        if isinstance(card, ResultCard):
            metrics = catalogue.registry.tables(card.id).get("metrics", [])
            for block, strategy in (card.parameters.get("blocks") or {}).items():
                if strategy in recipes:
                    rows.append([
                        catalogue.link(card.id, here), text(card.cohort), card.n_subjects,
                        f"{text(block)}: {catalogue.link(strategy, here)}",
                        score(metrics, block), score(metrics, "covariates"),
                    ])  # fmt: skip
    if not rows:
        return "No published result of this project rests on it."
    return table(["result", "cohort", "N", "block", "block alone", "covariates alone"], rows)


def score(metrics: Iterable[Mapping[str, Any]], model: str) -> str:
    """Score of the linear model of a block, confounds regressed out, with its interval."""
    for row in metrics:
        scored = row.get("metric") in ("auroc", "macro_auroc", "r2")
        linear = row.get("algorithm") == "linear" and row.get("variant") == "adjusted"
        if scored and linear and row.get("model") == model:
            name = text(row["metric"].replace("_", " "))
            interval = f" ({number(row.get('ci_low'))} to {number(row.get('ci_high'))})"
            return f"{name} {number(row.get('value'))}{interval}"
    return ""


def state(catalogue: Catalogue, card_id: str, here: str) -> str:
    """One line on a model: whether it runs, its licence, its card, paper and repository."""
    card = cited(catalogue, card_id, here)
    runs = "runs" if card.status == "ready" else f"planned: {text(card.reason)}"
    parts = [runs, f"licence: {text(card.license) or 'not stated'}"]
    if card.weights_license:
        parts.append(f"of the weights: {cited_value(card.weights_license, here)}")
    parts.append(f"card {catalogue.link(card_id, here)}")
    if card.paper:
        parts.append(f"paper {catalogue.link(card.paper, here)}")
    if card.repository:
        parts.append(source(card.repository, here))
    return " · ".join(parts)


def encoders(catalogue: Catalogue, modality: str, here: str) -> str:
    """Encoders of a modality with their guides."""
    rows = []
    for card in catalogue.of_type("model"):
        if isinstance(card, ModelCard) and card.modality == modality and card.kind == "encoder":
            guide = catalogue.guides.get(card.id)
            name = text(card.title or card.id)
            shown = f"[{name}]({relative(guide, here)})" if guide else catalogue.link(card.id, here)
            runs = "runs" if card.status == "ready" else "planned"
            used = len(strategies_with(catalogue, card.id)) or ""
            rows.append([shown, runs, text(card.license), used])
    if not rows:
        raise KeyError(f"{here}: there is no encoder of modality '{modality}'")
    return table(["model", "here", "licence", "strategies"], rows)


def fields(catalogue: Catalogue, card_id: str, here: str) -> str:
    """Fields of a cohort that an extract is ordered by; neighbours of one kind share a row."""
    if card_id not in catalogue.registry.ids("dataset"):
        raise KeyError(f"{here}: there is no dataset card '{card_id}'")
    rows = []
    for run in runs_of(map_fields(catalogue.registry, card_id)):
        first, last = run[0], run[-1]
        ids = list(dict.fromkeys(f.field for f in run))
        shown = ids[0] if len(ids) == 1 else f"{ids[0]}–{ids[-1]}"
        arrays = sorted({f.array for f in run if f.array})
        if arrays:
            shown += f", array {arrays[0]}" + (f"–{arrays[-1]}" if len(arrays) > 1 else "")
        visits = ", ".join(str(i) for i in sorted({f.instance for f in run} - {None}))
        ends = [first] if first.title == last.title else [first, last]
        what = " … ".join(text(f.title) for f in ends)
        if first.note:
            what += f"<br>*{text(first.note)}*"
        shown_as = code if first.kind == "column" else text
        names = [shown_as(f.name) for f in (first, last) if f.name]
        name = " … ".join(dict.fromkeys(names))
        if first.kind == "column" and len(run) > 1:
            name += f" ({len(run)})"
        rows.append(
            [shown, visits, what, name, catalogue.link(first.card, here),
             source(first.source, here) if first.source else "", tick(first.verified)]
        )  # fmt: skip
    head = ["field", "instance", "what", "column or files", "card", "source", "looked up"]
    return table(head, rows)


def level(level: Any) -> str:
    """Pooling of a level in a few words."""
    return f"{level.level} {level.pooling.replace('_', ' ')}"


# What a page may ask for; each takes the catalogue, what stands behind the colon, and the page.
MACROS: dict[str, Callable[[Catalogue, str, str], str]] = {
    "kb": value,
    "kb-plan": lambda catalogue, _, here: catalogue.plan(here),
    "kb-planned": lambda catalogue, _, here: catalogue.planned(here),
    "kb-fact": cited_fact,
    "kb-facts": lambda catalogue, card, here: catalogue.facts(cited(catalogue, card, here), here),
    "kb-walkthrough": lambda catalogue, card, here: catalogue.walkthrough(
        cited(catalogue, card, here)
    ),
    "kb-trained": trained_on,
    "kb-strategies": strategies,
    "kb-results": results_of_model,
    "kb-status": state,
    "kb-encoders": encoders,
    "kb-survey": counts,
    "kb-fields": fields,
}
