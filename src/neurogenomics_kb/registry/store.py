"""Read the knowledge base from its folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from neurogenomics_kb.errors import InputError, nearest
from neurogenomics_kb.registry.cards import CARD_TYPES, Card, EmbeddingStrategy
from neurogenomics_kb.registry.yaml_file import Lines, read_yaml

# Where cards of a type live: a folder of single cards, or a file that maps ids to cards.
LAYOUT = {
    "dataset": "datasets",
    "model": "model_cards",
    "result": "results",
    "embedding_strategy": "integration_cards/embedding_strategies.yaml",
    "harmonization": "integration_cards/harmonization_methods.yaml",
}


@dataclass(frozen=True)
class Problem:
    """Something wrong with a card."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return (
            f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"
        )


@dataclass(frozen=True)
class _Raw:
    """A card before validation."""

    card_id: str
    type_name: str
    body: dict
    file: Path
    lines: Lines
    prefix: tuple


class Registry:
    """The knowledge base of a folder.

    Parameters
    ----------
    path : str or Path
        Folder that holds ``integration_cards``, ``datasets``, ….

    Examples
    --------
    >>> registry = Registry("kb")  # doctest: +SKIP
    >>> registry.get("smri_free_surfer_pca512_v1").projector.dim  # doctest: +SKIP
    512
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise InputError(
                "the knowledge base folder does not exist",
                file=self.path,
                remedy="Run from the project folder, or give the folder's path.",
            )
        self._problems: list[Problem] = []
        self._raw: dict[str, _Raw] = {}
        self._cards: dict[str, Card] = {}
        for raw in self._read():
            if raw.card_id in self._raw:
                first = self._raw[raw.card_id].file
                self._report(raw, (), f"id '{raw.card_id}' is already used in {first}")
            else:
                self._raw[raw.card_id] = raw

    # --- reading ------------------------------------------------------------------------------

    def _read(self) -> Iterator[_Raw]:
        for type_name, place in LAYOUT.items():
            target = self.path / place
            if target.suffix == ".yaml":
                if target.exists():
                    yield from self._read_collection(target, type_name)
            elif target.is_dir():
                for file in sorted(target.glob("*.yaml")):
                    yield from self._read_single(file, type_name)

    def _load(self, file: Path) -> tuple[dict, Lines] | None:
        if not file.resolve().is_relative_to(self.path.resolve()):
            self._problems.append(
                Problem(str(file), 1, "", "links to a file outside the knowledge base")
            )
            return None
        try:
            data, lines = read_yaml(file)
        except InputError as error:
            self._problems.append(Problem(str(file), 1, "", str(error)))
            return None
        if not isinstance(data, dict):
            self._problems.append(Problem(str(file), 1, "", "expected a mapping"))
            return None
        return data, lines

    def _read_collection(self, file: Path, type_name: str) -> Iterator[_Raw]:
        loaded = self._load(file)
        for card_id, body in loaded[0].items() if loaded else ():
            lines = loaded[1]
            if isinstance(body, dict):
                yield _Raw(
                    str(card_id), type_name, {"id": card_id, **body}, file, lines, (card_id,)
                )
            else:
                line = lines.get((card_id,), 1)
                self._problems.append(Problem(str(file), line, str(card_id), "expected a mapping"))

    def _read_single(self, file: Path, type_name: str) -> Iterator[_Raw]:
        loaded = self._load(file)
        if loaded is None:
            return
        body, lines = loaded
        card_id = str(body.get("id", file.stem))
        raw = _Raw(card_id, type_name, {"id": card_id, **body}, file, lines, ())
        if card_id != file.stem:
            self._report(raw, ("id",), f"'{card_id}' differs from the file name '{file.stem}'")
        yield raw

    def _report(self, raw: _Raw, location: tuple, message: str) -> None:
        self._problems.append(problem_at(raw, location, message))

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
        return sorted(i for i, r in self._raw.items() if type_name in (None, r.type_name))

    def get(self, card_id: str, type_name: str | None = None) -> Card:
        """Card by id.

        Parameters
        ----------
        card_id : str
        type_name : str, optional
            Type that the card must have.

        Raises
        ------
        InputError
            If there is no such card (with the nearest id), or the card is invalid.
        """
        raw = self._raw.get(card_id)
        kind = (type_name or "card").replace("_", " ")
        if raw is None or type_name not in (None, raw.type_name):
            among = self.ids(type_name)
            broken = f" ({len(self._problems)} files have problems)" if self._problems else ""
            raise InputError(
                f"there is no {kind} '{card_id}'{nearest(card_id, among)}{broken}",
                file=self.path,
                remedy=f"`kedro kb list {type_name or ''}`".rstrip(" `") + "` shows what there is.",
            )
        if card_id not in self._cards:
            problems = self._check(raw)
            if problems:
                raise InputError(
                    f"{problems[0].field}: {problems[0].message}",
                    file=f"{problems[0].file}:{problems[0].line}",
                    remedy="`kedro kb validate` shows all problems.",
                )
        return self._cards[card_id]

    def _check(self, raw: _Raw) -> list[Problem]:
        """Validate one card; keep it when it is sound."""
        model = CARD_TYPES[raw.type_name]
        try:
            self._cards[raw.card_id] = model.model_validate(raw.body)
        except ValidationError as error:
            return [
                problem_at(raw, e["loc"], describe(e, model))
                for e in error.errors(include_url=False)
            ]
        return []

    def file_of(self, card_id: str) -> Path:
        """File that holds a card."""
        self.get(card_id)
        return self._raw[card_id].file

    def find(self, text: str) -> list[Card]:
        """Cards whose id or content holds `text`, case ignored."""
        needle = text.lower()
        sound = (i for i in self.ids() if not self._check(self._raw[i]))
        return [self._cards[i] for i in sound if needle in self._cards[i].model_dump_json().lower()]

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

    def validate(self) -> list[Problem]:
        """Everything wrong with the knowledge base, in order of file and line."""
        problems = list(self._problems)
        for raw in self._raw.values():
            found = self._check(raw)
            problems += found or self._check_references(raw)
        return sorted(problems, key=lambda p: (p.file, p.line, p.field))

    def _check_references(self, raw: _Raw) -> list[Problem]:
        card = self._cards[raw.card_id]
        if not isinstance(card, EmbeddingStrategy):
            return []
        wanted = {"encoder": (card.encoder, "model"), "dataset": (card.dataset, "dataset")}
        return [
            problem_at(raw, (field,), f"there is no {kind} '{ref}'{nearest(ref, self.ids(kind))}")
            for field, (ref, kind) in wanted.items()
            if ref is not None and ref not in self.ids(kind)
        ]


def problem_at(raw: _Raw, location: tuple, message: str) -> Problem:
    """A problem with the line of the deepest field that the file has."""
    path = (*raw.prefix, *location)
    while path and path not in raw.lines:
        path = path[:-1]
    field = ".".join(str(part) for part in (*raw.prefix, *location))
    return Problem(str(raw.file), raw.lines.get(path, 1), field, message)


def describe(error: dict, model: type[Card]) -> str:
    """What pydantic found, with the nearest field name for an unknown one."""
    if error["type"] == "extra_forbidden":
        return f"unknown field{nearest(str(error['loc'][-1]), model.model_fields)}"
    given = error.get("input")
    shown = f" (got {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{error['msg']}{shown}"
