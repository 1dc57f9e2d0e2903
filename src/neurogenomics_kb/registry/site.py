"""Catalogue pages of the documentation site, made from the cards."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from neurogenomics_kb.registry.cards import (
    CARD_TYPES,
    Card,
    DatasetCard,
    DecisionCard,
    Experiment,
    Fact,
    ModelCard,
    PaperCard,
    ResultCard,
)
from neurogenomics_kb.registry.evidence import (
    BY_LADDER,
    decision_id,
    results_using,
    verdicts_on,
)
from neurogenomics_kb.registry.guides import read_guides
from neurogenomics_kb.registry.macros import fill
from neurogenomics_kb.registry.markdown import (
    bullets,
    code,
    fenced,
    number,
    relative,
    source,
    table,
    text,
    tick,
)
from neurogenomics_kb.registry.registry import Registry
from neurogenomics_kb.registry.results import table_folder
from neurogenomics_kb.registry.summaries import PAPERS, pdf_pages
from neurogenomics_kb.registry.survey_pages import survey_pages
from neurogenomics_kb.registry.yaml_file import dump_yaml

ROOT = "catalogue"


class Catalogue:
    """Pages of a knowledge base.

    Parameters
    ----------
    registry : Registry
        Cards that are not valid are left out; `Registry.validate` reports them.

    Examples
    --------
    >>> pages = Catalogue(Registry("kb")).pages()  # doctest: +SKIP
    >>> pages["catalogue/model/brainlm.md"]  # doctest: +SKIP
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.cards = {card.id: card for card in registry.sound()}
        self.results = [c for c in self.cards.values() if isinstance(c, ResultCard)]
        self.used_by: dict[str, list[str]] = defaultdict(list)
        for card in self.cards.values():
            for _, _, wanted in card.references():
                if card.id not in self.used_by[wanted]:
                    self.used_by[wanted].append(card.id)
        self.guides = read_guides(registry.project / "docs")

    def pages(self) -> dict[str, str]:
        """Markdown by path inside the documentation folder."""
        out = {f"{ROOT}/index.md": self.overview()}
        for kind in CARD_TYPES:
            out[f"{ROOT}/{kind}/index.md"] = self.list_page(kind)
        for card in self.cards.values():
            out[path_of(card)] = self.page(card)
        return out | survey_pages(self) | pdf_pages(self)

    # --- lists --------------------------------------------------------------------------------

    def of_type(self, kind: str) -> list[Card]:
        """Cards of a type; results newest first."""
        cards = [c for c in self.cards.values() if type(c).type_name == kind]
        newest_first = kind == "result"
        return sorted(
            cards, key=lambda c: c.created if newest_first else c.id, reverse=newest_first
        )

    def overview(self) -> str:
        """Counts of every type."""
        rows = []
        for kind, model in CARD_TYPES.items():
            cards = self.of_type(kind)
            planned = sum(c.status == "planned" for c in cards)
            rows.append([f"[{model.heading}]({kind}/index.md)", len(cards), planned or ""])
        facts = [f for c in self.cards.values() for f in facts_of(c)]
        checked = sum(f.verified for f in facts)
        return (
            "# Catalogue\n\nEach page is made from a card in `kb/` or `conf/experiments/`.\n\n"
            + table(["cards", "number", "planned"], rows)
            + f"\n\n{checked} of {len(facts)} facts and findings were looked up in the primary "
            "source for their card; the others say so.\n"
        )

    def list_page(self, kind: str) -> str:
        """One row per card of a type."""
        here = f"{ROOT}/{kind}/index.md"
        rows = []
        for card in self.of_type(kind):
            row = [self.link(card.id, here), text(card.title), card.status]
            if kind != "result":
                row.append(len(results_using(self.results, card.id)) or "")
            rows.append(row)
        head = ["card", "title", "status"] + ([] if kind == "result" else ["results"])
        body = table(head, rows) if rows else "There is no card of this type yet."
        return f"# {CARD_TYPES[kind].heading}\n\n{body}\n"

    # --- one card -----------------------------------------------------------------------------

    def page(self, card: Card) -> str:
        """Page of one card."""
        here = path_of(card)
        parts = [f"# {text(card.title or card.id)}", self.head(card)]
        if card.status == "planned":
            parts.append(f'!!! note "Planned: it cannot run yet"\n    {text(card.reason)}')
        if isinstance(card, PaperCard):
            parts.append(self.bibliography(card, here))
        parts.append(self.further(card, here))
        for field in ("description", "summary", "relevance", "limits"):
            value = getattr(card, field, "")
            if value:
                name = {"relevance": "For this project", "limits": "What it does not show"}
                title = f"## {name[field]}\n\n" if field in name else ""
                parts.append(title + text(value))
        if card.notes:
            parts.append(text(card.notes))
        if isinstance(card, ResultCard):
            parts += self.result_sections(card, here)
        else:
            parts += self.knowledge_sections(card, here)
        if card.sources:
            parts.append("## Sources\n\n" + bullets(source(s, here) for s in card.sources))
        parts.append(self.usage(card, here))
        if not isinstance(card, ResultCard):
            body = dump_yaml(card.model_dump(mode="json", exclude_unset=True))
            parts.append(f"## Card\n\n{fenced(body)}")
        return "\n\n".join(p for p in parts if p) + "\n"

    def further(self, card: Card, here: str) -> str:
        """Links to the pages about a card that are no cards: its guide, its summary."""
        links = []
        if card.id in self.guides:
            links.append(f"[When and how to use it]({relative(self.guides[card.id], here)})")
        if isinstance(card, PaperCard):
            links.append(f"[Summary]({relative(f'{PAPERS}/{card.id}.md', here)})")
        return " · ".join(links)

    def head(self, card: Card) -> str:
        """Id, type, hash and file."""
        kind = type(card).type_name
        file = self.registry.file_of(card.id)
        root = self.registry.project.resolve()
        resolved = file.resolve()
        shown = resolved.relative_to(root) if resolved.is_relative_to(root) else file.name
        return (
            f"`{card.id}` · [{CARD_TYPES[kind].heading}](index.md) · {card.status} · hash "
            f"`{card.content_hash}` · `{shown}`"
        )

    def knowledge_sections(self, card: Card, here: str) -> list[str]:
        """References, facts and walkthrough."""
        parts = []
        links = [
            [".".join(map(str, place)), self.link(wanted, here)]
            for place, _, wanted in card.references()
        ]
        if links:
            parts.append("## Refers to\n\n" + table(["field", "card"], links))
        if getattr(card, "facts", {}):
            parts.append("## Facts\n\n" + self.facts(card, here))
        findings = getattr(card, "findings", [])
        if findings:
            rows = [self.fact(f, here) for f in findings]
            parts.append("## Findings\n\n" + table(["finding", "source", "looked up"], rows))
        if isinstance(card, ModelCard):
            parts.append(self.terms(card, here))
            parts.append(self.earned(card, here))
        if isinstance(card, ModelCard) and card.walkthrough:
            parts.append(
                "## Walkthrough\n\nWhere to read in the original repository"
                + (f", at commit {code(card.commit[:12])}" if card.commit else "")
                + ".\n\n"
                + self.walkthrough(card)
            )
        files = getattr(card, "code", [])
        if files:
            parts.append("## In this project\n\n" + bullets(map(code, files)))
        if isinstance(card, Experiment):
            parts.append(f"## Run it\n\n{fenced(self.run_command(card), 'sh')}")
        if isinstance(card, DecisionCard):
            parts.append(f"**{text(card.question)}**\n\n{text(card.decision)}\n\n"
                         f"State: {card.state}. Rule: {text(card.rule) or 'none'}")  # fmt: skip
            if card.next:
                parts.append(f"Next: {text(card.next)}")
            if card.smallest_seen is not None:
                parts.append(
                    f"A true gain of {card.smallest_seen:.3f} or more is seen in 80 of 100 such "
                    "cohorts."
                )
            if card.needs:
                rows = [[code(n.rung), n.people or "", n.minutes or ""] for n in card.needs]
                parts.append(table(["rung", "people", "minutes"], rows))
            rows = [[self.link(e.result, here), text(e.says), text(e.supports)]
                    for e in card.evidence]  # fmt: skip
            parts.append("## Evidence\n\n" + table(["result", "says", "stage"], rows))
        return parts

    def bibliography(self, card: PaperCard, here: str) -> str:
        """Authors and where they were looked up."""
        where = [f"doi:{card.doi}" if card.doi else "", f"arXiv:{card.arxiv}" if card.arxiv else "",
                 card.url]  # fmt: skip
        links = ", ".join(source(w, here) for w in where if w)
        state = "looked up in" if card.bibliography.verified else "not verified; see"
        note = f" {text(card.bibliography.note)}" if card.bibliography.note else ""
        return (
            f"{text(', '.join(card.authors))} ({card.year}). {text(card.venue)} {links}\n\n"
            f"Bibliography {state} {source(card.bibliography.source, here)}.{note}"
        )

    def facts(self, card: Card, here: str) -> str:
        """Table of a card's facts."""
        facts = getattr(card, "facts", {}).items()
        rows = [[text(name.replace("_", " ")), *self.fact(fact, here)] for name, fact in facts]
        return table(["fact", "value", "source", "looked up"], rows)

    def walkthrough(self, card: ModelCard) -> str:
        """Table of the places to read in a model's own repository."""
        rows = [self.step(card, s) for s in card.walkthrough]
        return table(["step", "where", "what it does", "looked up"], rows)

    def fact(self, fact: Fact, here: str) -> list[str]:
        """Cells of a fact."""
        value = ", ".join(map(str, fact.value)) if isinstance(fact.value, list) else fact.value
        note = f"<br>*{text(fact.note)}*" if fact.note else ""
        return [text(str(value)) + note, source(fact.source, here), tick(fact.verified)]

    def terms(self, card: ModelCard, here: str) -> str:
        """Whose data an encoder has seen, and under which terms code and weights are given."""
        rows = []
        trained = card.pretraining_cohorts
        if trained is not None:
            named = ", ".join(trained.cohorts) if trained.known else "unknown"
            value = text(". ".join(filter(None, [named or "none", trained.reason])))
            note = f"<br>*{text(trained.note)}*" if trained.note else ""
            rows.append(
                ["pretraining cohorts", value + note, source(trained.source, here),
                 tick(trained.verified)]
            )  # fmt: skip
        if card.repository or card.license:
            where = source(card.repository, here) if card.repository else ""
            rows.append(["code", text(card.license), where, ""])
        if card.weights_license is not None:
            rows.append(["weights", *self.fact(card.weights_license, here)])
        return (
            "## Training data and terms\n\n" + table(["what", "value", "source", "looked up"], rows)
            if rows
            else ""
        )

    def earned(self, card: ModelCard, here: str) -> str:
        """Whether results show that a model adds to its rivals and to random weights."""
        rows = [
            [self.link(result.id, here), line["cohort"], line["n_subjects"], text(line["block"]),
             text(". ".join(filter(None, [line["verdict"], line.get("reason", "")]))),
             text(line["licence"])]
            for result, line in verdicts_on(self.results, card.id)
        ]  # fmt: skip
        if not rows:
            return ""
        return (
            "## Beside its rivals\n\nWhether it adds to cheaper features, to its architecture with "
            "random weights, and to the covariates, each over the family of the run.\n\n"
            + table(["result", "cohort", "N", "block", "verdict", "weights"], rows)
        )

    def step(self, card: ModelCard, step: Any) -> list[str]:
        """Cells of a walkthrough step."""
        where = text(" ".join(filter(None, [step.file, step.symbol])))
        if step.file and card.repository.startswith("https://"):
            tree = f"{html.escape(card.repository)}/blob/{card.commit}"
            where = f"[{where}]({tree}/{html.escape(step.file)})"
        return [text(step.step), where, text(step.does), tick(step.verified)]

    def result_sections(self, card: ResultCard, here: str) -> list[str]:
        """What a run found."""
        used = [
            [self.link(i, here), f"`{value}`", self.state_of(i, value)]
            for i, value in card.cards.items()
        ]
        run = f"MLflow run {code(card.mlflow_run_id)}" if card.mlflow_run_id else "not tracked"
        parts = [
            f"N = {card.n_subjects}, cohort {text(card.cohort)}, experiment "
            f"{self.link(card.experiment, here)}, {text(card.created)}, {run}, code "
            f"{code(card.code_version)}, folds {code(str(card.folds.get('hash', '')))}.",
            "## Recipe\n\n" + table(["card", "hash in the run", "now"], used),
        ]
        if card.headline:
            parts.insert(0, bullets(text(line) for line in card.headline))
        tables = self.registry.tables(card.id)
        columns = {
            "cca": ["x", "y", "component", "correlation", "null_mean", "p_adjusted"],
            "comparisons": ["model", "reference", "variant", "algorithm", "difference", "ci_low",
                            "ci_high", "p_raw", "p_adjusted"],
            "metrics": ["model", "variant", "algorithm", "metric", "value", "ci_low", "ci_high"],
        }  # fmt: skip
        names = {
            "cca": "Canonical correlations",
            "comparisons": "Comparisons",
            "metrics": "Metrics",
        }
        for field, wanted in columns.items():
            rows = tables.get(field, [])
            if field == "metrics":
                rows = [r for r in rows if r.get("metric") in ("auroc", "macro_auroc", "r2")]
            if rows:
                cells = [[number(r.get(c)) for c in wanted] for r in rows]
                parts.append(f"## {names[field]}\n\n{table(wanted, cells)}")
        if card.verdict:
            rows = [[text(v.get("level", "")), text(v.get("text", ""))] for v in card.verdict]
            parts.append("## Audit\n\n" + table(["level", "text"], rows))
        if card.tables:
            rows = [[code(f"{name}.csv"), about.get("rows")] for name, about in card.tables.items()]
            folder = table_folder(self.registry.file_of(card.id)).relative_to(self.registry.path)
            where = code(f"kb/{folder.as_posix()}/")
            parts.append(f"## Tables\n\nIn {where}.\n\n" + table(["file", "rows"], rows))
        if card.warnings:
            parts.append("## Cautions\n\n" + bullets(text(w) for w in card.warnings))
        decision = decision_id(card.experiment, card.cohort)
        if decision in self.cards:
            parts.append(f"Decision: {self.link(decision, here)}")
        return parts

    def state_of(self, card_id: str, value: str) -> str:
        """Whether a card says today what it said in a run."""
        if card_id not in self.cards:
            return "gone"
        return "the same" if self.cards[card_id].content_hash == value else "changed since"

    def usage(self, card: Card, here: str) -> str:
        """Cards that refer to this one, and results that used it."""
        parts = []
        users = [u for u in self.used_by.get(card.id, []) if u != card.id]
        if users:
            parts.append("## Used by\n\n" + bullets(self.link(u, here) for u in sorted(users)))
        results = results_using(self.results, card.id)
        if isinstance(card, Experiment):
            results = [r for r in self.results if r.experiment == card.id]
        if results:
            rows = [[self.link(r.id, here), r.cohort, r.n_subjects,
                     self.state_of(card.id, r.cards.get(card.id, card.content_hash))]
                    for r in results]  # fmt: skip
            parts.append(
                "## Results that used it\n\n" + table(["result", "cohort", "N", "card"], rows)
            )
        return "\n\n".join(parts)

    # --- pieces -------------------------------------------------------------------------------

    def link(self, card_id: str, here: str) -> str:
        """Link to a card's page, or its id where there is none."""
        if card_id not in self.cards:
            return code(card_id)
        return f"[{text(card_id)}]({relative(path_of(self.cards[card_id]), here)})"

    def run_command(self, card: Experiment) -> str:
        """Command that runs an experiment file, in the environment of the cohort it is bound to."""
        dataset = self.cards.get(card.dataset) if card.dataset else None
        environment = f"--env {dataset.cohort} " if dataset else ""
        return f"kedro run {environment}--config conf/experiments/{card.id}.yml"

    def plan(self, here: str) -> str:
        """Experiments with their newest result and the stage that the rule gives."""
        rows = []
        for card in self.of_type("experiment"):
            results = [r for r in self.results if r.experiment == card.id]
            rows.append(self.plan_row(card.id, card.status, results, here))
        # Default experiments of an environment have no file of their own.
        for name in sorted({r.experiment for r in self.results} - {*self.cards}):
            results = [r for r in self.results if r.experiment == name]
            rows.append(self.plan_row(name, "ready", results, here))
        return table(["experiment", "status", "results", "newest", "stage by the rule"], rows)

    def plan_row(self, name: str, status: str, results: list[ResultCard], here: str) -> list[Any]:
        """One row of the plan."""
        newest = max(results, key=lambda r: (r.created, r.id), default=None)
        inputs = newest.decision.get("inputs") if newest else None
        stage = newest.decision["next_stage"].replace("_", " ") if inputs else ""
        if inputs and newest.decision.get("by") != BY_LADDER:
            stage = f"not told (old rule: {stage})"
        link = self.link(newest.id, here) if newest else ""
        return [self.link(name, here), status, len(results) or "", link, stage]

    def planned(self, here: str) -> str:
        """Planned cards with their reasons, by type."""
        rows = [
            [CARD_TYPES[kind].heading, self.link(card.id, here), text(card.reason)]
            for kind in CARD_TYPES
            for card in self.of_type(kind)
            if card.status == "planned"
        ]
        return table(["type", "card", "why it does not run"], rows) if rows else "Nothing."

    def fill(self, markdown: str, here: str) -> str:
        """Replace what a hand-written page asks for, see `neurogenomics_kb.registry.macros`."""
        return fill(self, markdown, here)


def path_of(card: Card) -> str:
    """Page of a card inside the documentation folder."""
    return f"{ROOT}/{type(card).type_name}/{card.id}.md"


def facts_of(card: Card) -> Iterable[Any]:
    """Facts and findings of a card, and what else says whether it was looked up."""
    yield from (getattr(card, "facts", {}) or {}).values()
    yield from getattr(card, "findings", [])
    if isinstance(card, ModelCard):
        yield from filter(None, (card.weights_license, card.pretraining_cohorts))
    if isinstance(card, DatasetCard):
        yield from card.fields.values()
        for listed in card.tables.values():
            yield from (c for c in listed.columns.values() if c.source or listed.source)
