"""Read the knowledge base from its folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neurogenomics_kb.foundation.errors import InputError, nearest
from neurogenomics_kb.registry.cards import CARD_TYPES, LAYOUT, Card, ResultCard
from neurogenomics_kb.registry.places import LOCAL, WRITTEN
from neurogenomics_kb.registry.raw import EXPERIMENTS, IN_RUN_CONFIG, Problem, Raw, problem_at
from neurogenomics_kb.registry.results import Rows, read_tables, table_folder
from neurogenomics_kb.registry.survey import SurveyEntry, matches, read_table, tables_of
from neurogenomics_kb.registry.yaml_file import Lines, read_yaml

# Fewer characters of a tracked run's id would fit many.
SHORTEST_RUN = 4


class CardStore:
    """The cards of a folder, each by itself; `Registry` also checks them against one another.

    Files that hold one card are read when the card is asked for, so that a command pays only for
    what it shows.

    Parameters
    ----------
    path : str or Path
        Folder that holds ``integration_cards``, ``datasets``, ….
    project : str or Path, optional
        Project folder with ``conf/experiments``, ``docs`` and ``src``, which cards refer to; the
        folder above `path` by default.
    """

    def __init__(self, path: str | Path, project: str | Path | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise InputError(
                "the knowledge base folder does not exist",
                file=self.path,
                remedy="Run from the project folder, or give the folder's path.",
            )
        self.project = Path(project) if project is not None else self.path.parent
        self._problems: list[Problem] = []
        self._files: dict[str, tuple[str, Path]] = {}
        self._raw: dict[str, Raw] = {}
        self._cards: dict[str, Card] = {}
        self._resolving: list[str] = []
        self._scan()

    # --- reading ------------------------------------------------------------------------------

    def _scan(self) -> None:
        for type_name, place in LAYOUT.items():
            target = self.path / place
            if target.suffix == ".yaml":
                if target.exists():
                    self._read_collection(target, type_name)
            elif target.is_dir():
                self._read_folder(target, type_name)
        for file in sorted((self.project / EXPERIMENTS).glob("*.yml")):
            self._register(file.stem, "experiment", file)

    def _read_folder(self, folder: Path, type_name: str) -> None:
        own = sorted((folder / LOCAL).glob("*.yaml")) if type_name in WRITTEN else []
        # What a run found anew stands before what was published of it.
        newer = {file.stem for file in own}
        published = [file for file in sorted(folder.glob("*.yaml")) if file.stem not in newer]
        for file in [*published, *own]:
            self._register(file.stem, type_name, file)

    def _register(self, card_id: str, type_name: str, file: Path, line: int = 1) -> bool:
        if not file.is_file():
            # A pipe or a device would keep whoever reads it waiting.
            self._problems.append(Problem(str(file), 1, "", "is not a file"))
            return False
        if card_id in self._files:
            other = self._files[card_id][1]
            self._problems.append(
                Problem(str(file), line, card_id, f"id '{card_id}' is already used in {other}")
            )
            return False
        self._files[card_id] = (type_name, file)
        return True

    def _load(self, file: Path, root: Path) -> tuple[dict, Lines] | None:
        problem = None
        if not file.resolve().is_relative_to(root.resolve()):
            problem = Problem(str(file), 1, "", "links to a file outside the knowledge base")
        else:
            try:
                data, lines = read_yaml(file)
                if isinstance(data, dict):
                    return data, lines
                problem = Problem(str(file), 1, "", "expected a mapping")
            except (InputError, OSError) as error:
                problem = Problem(str(file), getattr(error, "line", None) or 1, "", str(error))
        self._problems.append(problem)
        return None

    def _read_collection(self, file: Path, type_name: str) -> None:
        loaded = self._load(file, self.path)
        for key, body in loaded[0].items() if loaded else ():
            card_id, lines = str(key), loaded[1]
            line = lines.get((key,), 1)
            if not isinstance(body, dict):
                self._problems.append(Problem(str(file), line, card_id, "expected a mapping"))
            elif self._register(card_id, type_name, file, line):
                if body.get("id", key) != key:
                    self._problems.append(
                        Problem(str(file), line, f"{card_id}.id", f"differs from '{card_id}'")
                    )
                self._raw[card_id] = Raw(
                    card_id, type_name, {**body, "id": card_id}, file, lines, (key,)
                )

    def raw(self, card_id: str) -> Raw | None:
        """Content of a card before validation, or None when its file cannot be read."""
        if card_id not in self._raw and card_id in self._files:
            type_name, file = self._files[card_id]
            single = type_name != "experiment"
            loaded = self._load(file, self.path if single else self.project)
            if loaded is None:
                del self._files[card_id]
                return None
            body, lines = loaded
            prefix = () if single else IN_RUN_CONFIG
            for key in prefix:
                body = body.get(key) if isinstance(body, dict) else None
            if not isinstance(body, dict):
                self._problems.append(
                    Problem(str(file), 1, ".".join(prefix), "expected a mapping with this field")
                )
                del self._files[card_id]
                return None
            raw = Raw(card_id, type_name, {"id": card_id, **body}, file, lines, prefix)
            if raw.body["id"] != card_id:
                self._problems.append(
                    problem_at(
                        raw, ("id",), f"'{raw.body['id']}' differs from the file name '{card_id}'"
                    )
                )
            self._raw[card_id] = raw
        return self._raw.get(card_id)

    # --- access -------------------------------------------------------------------------------

    def ids(self, type_name: str | None = None) -> list[str]:
        """Ids of all cards, or of one type, sorted.

        Raises
        ------
        InputError
            If the type is unknown.
        """
        if type_name is not None and type_name not in CARD_TYPES:
            raise InputError(
                f"no card type '{type_name}'{nearest(type_name, CARD_TYPES)}",
                remedy=f"Types are {', '.join(CARD_TYPES)}.",
            )
        return sorted(i for i, (kind, _) in self._files.items() if type_name in (None, kind))

    def type_of(self, card_id: str) -> str:
        """Type of a card that exists."""
        return self._files[card_id][0]

    def get(self, card_id: str, type_name: str | None = None) -> Card:
        """Card by id.

        Parameters
        ----------
        card_id : str
            Id of the card.
        type_name : str, optional
            Type that the card must have.

        Raises
        ------
        InputError
            If there is no such card (with the nearest id), or the card is invalid.
        """
        known = self._files.get(card_id)
        if known is None or type_name not in (None, known[0]):
            raise self._no_such_card(card_id, type_name)
        if card_id not in self._cards:
            before = len(self._problems)
            raw = self.raw(card_id)
            problems = self._problems[before:] if raw is None else self.check(raw)
            if problems:
                raise InputError(
                    f"{problems[0].field}: {problems[0].message}".removeprefix(": "),
                    file=f"{problems[0].file}:{problems[0].line}",
                    remedy="`kedro kb validate` shows all problems.",
                )
        return self._cards[card_id]

    def _no_such_card(self, card_id: str, type_name: str | None) -> InputError:
        kind = (type_name or "card").replace("_", " ")
        broken = f" ({len(self._problems)} files have problems)" if self._problems else ""
        return InputError(
            f"there is no {kind} '{card_id}'{nearest(card_id, self.ids(type_name))}{broken}",
            file=self.path,
            remedy=f"`kedro kb list {type_name or ''}`".rstrip(" `") + "` shows what there is.",
        )

    def cards(self, type_name: str) -> list[Card]:
        """All cards of a type.

        Raises
        ------
        InputError
            If one of them is invalid.
        """
        return [self.get(card_id) for card_id in self.ids(type_name)]

    def check(self, raw: Raw) -> list[Problem]:
        """Validate one card by its type's model; keep it, filled in, when it is sound."""
        model = CARD_TYPES[raw.type_name]
        try:
            card = model.model_validate(raw.body)
        except ValidationError as error:
            return [
                problem_at(raw, e["loc"], describe(e, model, raw.body))
                for e in error.errors(include_url=False)
            ]
        if raw.card_id in self._resolving:
            return [problem_at(raw, (), "takes from itself, by way of the cards that it names")]
        self._resolving.append(raw.card_id)
        try:
            self._cards[raw.card_id] = card.resolved(self.get)
        except ValueError as error:
            return [problem_at(raw, (), str(error))]
        finally:
            self._resolving.pop()
        return []

    def sound(self) -> Iterator[Card]:
        """Every card that is valid by itself."""
        for card_id in self.ids():
            raw = self.raw(card_id)
            if card_id in self._cards or (raw is not None and not self.check(raw)):
                yield self._cards[card_id]

    def sound_results(self) -> list[ResultCard]:
        """Results that are valid by themselves; broken ones are left to `validate`."""
        raws = [self.raw(card_id) for card_id in self.ids("result")]
        good = [r.card_id for r in raws if r is not None and not self.check(r)]
        return [self._cards[card_id] for card_id in good]

    def file_of(self, card_id: str) -> Path:
        """File that holds a card."""
        self.get(card_id)
        return self._files[card_id][1]

    def find(self, text: str) -> list[Card]:
        """Cards whose id, content or table of entries holds `text`, case ignored."""
        needle = text.lower()
        listed = self.entries(text)
        return [c for c in self.sound() if needle in c.model_dump_json().lower() or c.id in listed]

    def entries(self, text: str = "") -> dict[str, list[SurveyEntry]]:
        """Entries of catalogues that hold `text`, case ignored, by the id of the card.

        Raises
        ------
        InputError
            If a table cannot be read.
        """
        needle = text.lower()
        found = {
            card_id: [entry for entry in read_table(file) if matches(entry, needle)]
            for card_id, file in tables_of(self.path).items()
        }
        return {card_id: entries for card_id, entries in found.items() if entries}

    def text_of(self, card_id: str) -> str:
        """Text of the file that holds a card, parsed or not."""
        return self._files[card_id][1].read_text(encoding="utf-8", errors="replace")

    def result(self, run: str) -> ResultCard:
        """Result card by its id or its MLflow run's id, or the beginning of either.

        Raises
        ------
        InputError
            If none or several fit.
        """
        ids = self.ids("result")
        fitting = [i for i in ids if i == run] or [i for i in ids if i.startswith(run)]
        fitting = fitting or [i for i in ids if i.endswith(f"-{run}")] or self._of_run(run, ids)
        if len(fitting) != 1:
            found = f"{len(fitting)} results" if fitting else "no result"
            raise InputError(
                f"{found} for '{run}'{nearest(run, ids)}",
                file=self.path / LAYOUT["result"],
                remedy="`kedro kb list result` shows what there is; `kedro kb sync` gets more.",
            )
        return self.get(fitting[0], "result")

    def _of_run(self, run: str, ids: list[str]) -> list[str]:
        """Results whose tracked run's id begins so."""
        if len(run) < SHORTEST_RUN:
            return []
        raws = {i: self.raw(i) for i in ids}
        runs = {i: str(raw.body.get("mlflow_run_id")) for i, raw in raws.items() if raw is not None}
        return [i for i, own in runs.items() if own.startswith(run)]

    def tables(self, card_id: str) -> dict[str, Rows]:
        """Tables of a result.

        Raises
        ------
        InputError
            If the card is no result, or a table is missing or another than the card names.
        """
        card = self.get(card_id, "result")
        return {**card.inline, **read_tables(table_folder(self.file_of(card_id)), card.tables)}

    def runnable(self, card_id: str, type_name: str) -> Card:
        """Card that may be executed.

        Raises
        ------
        InputError
            If the card is planned, with its reason.
        """
        card = self.get(card_id, type_name)
        if card.status == "planned":
            raise InputError(
                f"'{card_id}' is planned and cannot run yet: {card.reason.strip()}",
                file=self.file_of(card_id),
                remedy="Choose a card with status: ready.",
            )
        return card


def describe(error: Mapping[str, Any], model: type[Card], body: Any) -> str:
    """What pydantic found: what was expected, what was given, the nearest name."""
    if error["type"] == "extra_forbidden":
        return f"unknown field{nearest(str(error['loc'][-1]), siblings(model, error['loc']))}"
    given = error.get("input")
    shown = f" (got {given!r})" if isinstance(given, str | int | float | bool) else ""
    options = str(error.get("ctx", {}).get("expected", ""))
    close = nearest(given, options.replace("'", "").replace(" or ", ", ").split(", ")) if (
        isinstance(given, str) and options
    ) else ""  # fmt: skip
    return f"{error['msg']}{shown}{close}"


def siblings(model: type[Card], location: tuple) -> list[str]:
    """Field names that the model knows where an unknown one was found."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    node: Any = schema
    for part in location[:-1]:
        node = resolve(node, definitions)
        options = node.get("anyOf", node.get("oneOf", [node]))
        nodes = [resolve(option, definitions) for option in options]
        step = next((n["properties"][part] for n in nodes if part in n.get("properties", {})), None)
        if step is None and isinstance(part, int):
            step = next((n["items"] for n in nodes if "items" in n), None)
        if step is None:
            extra = [n["additionalProperties"] for n in nodes if isinstance(
                n.get("additionalProperties"), dict)]  # fmt: skip
            tagged = [n for n in nodes if part in str(n.get("properties", {}))]
            step = (extra or tagged or [node])[0]
        node = step
    node = resolve(node, definitions)
    options = [resolve(o, definitions) for o in node.get("anyOf", node.get("oneOf", [node]))]
    return sorted({name for option in options for name in option.get("properties", {})})


def resolve(node: Any, definitions: Mapping[str, Any]) -> Any:
    """Follow a reference inside a JSON schema."""
    reference = node.get("$ref") if isinstance(node, dict) else None
    return definitions[reference.rsplit("/", 1)[-1]] if reference else node
