"""Commands of the project: ``kedro run`` with one-line errors, and ``kedro kb``."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

import click
from kedro.framework.cli.project import run as kedro_run

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.yaml_file import dump_yaml

TRACEBACK_VARIABLE = "NGKB_TRACEBACK"


@click.group(name="neurogenomics-kb")
def cli() -> None:
    """Commands of this project."""


class OneLineErrors(click.Command):
    """A command whose user errors end in one line instead of a traceback."""

    def invoke(self, ctx: click.Context):
        """Run the command; show the root `InputError` of whatever was raised."""
        try:
            return super().invoke(ctx)
        except click.ClickException:
            raise
        except Exception as error:
            message = explain(error)
            if message is None or os.environ.get(TRACEBACK_VARIABLE):
                raise
            click.secho(f"Error: {message}", fg="red", err=True)
            sys.exit(1)


def explain(error: BaseException) -> str | None:
    """One line for an error that the user can mend, or None for a defect of the program."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, InputError):
            return str(seen)
        seen = seen.__cause__ or seen.__context__
    if type(error).__name__ == "ParameterValidationError":
        return explain_parameters(str(error))
    if type(error).__name__ in ("DatasetError", "MissingConfigException"):
        return " ".join(str(error).split())
    if isinstance(error, ValueError) and "Failed to find the pipeline named" in str(error):
        return " ".join(str(error).split())
    return None


def explain_parameters(message: str) -> str:
    """Kedro's report of wrong parameters as one line without library talk."""
    found, group = [], ""
    lines = message.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        named = re.search(r"Parameter '([^']+)'", line)
        group = named.group(1) if named else group
        fault = re.match(r"\s+(.*) \[type=(\w+), input_value=(.*), input_type=", line)
        if fault:
            text, kind, value = fault.groups()
            field = before.strip()
            field = f"{group}.{field}" if re.fullmatch(r"[\w.]+", field) else group
            if kind == "extra_forbidden":
                found.append(f"{field}: there is no such parameter (got {value})")
            elif kind == "value_error":
                found.append(f"{field}: {text.removeprefix('Value error, ')}")
            else:
                found.append(f"{field}: {text} (got {value})")
    return "; ".join(found) if found else " ".join(message.split())


def _run(**options):
    # Kedro keeps --pipeline, which is what people type, but warns about it at every run.
    pipeline = options.get("pipeline")
    if pipeline and not options.get("pipelines"):
        options.update(pipeline=None, pipelines=[pipeline])
    return kedro_run.callback(**options)


cli.add_command(
    OneLineErrors(name="run", params=kedro_run.params, callback=_run, help=kedro_run.help)
)

path_option = click.option(
    "--kb",
    "path",
    default="kb",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the knowledge base.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


@cli.group()
def kb() -> None:
    """Read and check the knowledge base."""


def _open(path: Path) -> Registry:
    try:
        return Registry(path)
    except InputError as error:
        raise click.UsageError(str(error)) from None


def _show(path: Path, card_id: str, as_json: bool, type_name: str | None = None) -> None:
    registry = _open(path)
    try:
        card = registry.get(card_id, type_name)
    except InputError as error:
        raise click.ClickException(str(error)) from None
    data = card.model_dump(mode="json", exclude_defaults=True)
    if as_json:
        click.echo(
            json.dumps({**card.model_dump(mode="json"), "hash": card.content_hash}, indent=2)
        )
        return
    kind = type(card).type_name.replace("_", " ")
    click.secho(f"# {kind}, {card.status}, hash {card.content_hash}", fg="cyan")
    click.secho(f"# {registry.file_of(card_id)}", fg="cyan")
    click.echo(dump_yaml(data), nl=False)


@kb.command("list")
@click.argument("type_name", metavar="[TYPE]", required=False)
@path_option
@json_option
def list_cards(type_name: str | None, path: Path, as_json: bool) -> None:
    """List cards, all or of one TYPE (dataset, model, embedding_strategy, …)."""
    registry = _open(path)
    try:
        ids = registry.ids(type_name)
        cards = []
        for card_id in ids:
            card = registry.get(card_id)
            cards.append(
                {"id": card_id, "type": card.type_name, "status": card.status, "title": card.title}
            )
    except InputError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(cards, indent=2))
        return
    width = max((len(c["id"]) for c in cards), default=0)
    for kind in dict.fromkeys(c["type"] for c in cards):
        click.secho(kind.replace("_", " "), bold=True)
        for card in (c for c in cards if c["type"] == kind):
            note = "" if card["status"] == "ready" else f" ({card['status']})"
            click.echo(f"  {card['id']:<{width}}  {card['title']}{note}".rstrip())


@kb.command("show")
@click.argument("card_id", metavar="ID")
@path_option
@json_option
def show_card(card_id: str, path: Path, as_json: bool) -> None:
    """Print the card ID."""
    _show(path, card_id, as_json)


@kb.command("strategy")
@click.argument("card_id", metavar="ID")
@path_option
@json_option
def show_strategy(card_id: str, path: Path, as_json: bool) -> None:
    """Print the embedding strategy ID, the recipe that runs."""
    _show(path, card_id, as_json, "embedding_strategy")


@kb.command("harmonization")
@click.argument("card_id", metavar="ID")
@path_option
@json_option
def show_harmonization(card_id: str, path: Path, as_json: bool) -> None:
    """Print the harmonization method ID."""
    _show(path, card_id, as_json, "harmonization")


@kb.command("search")
@click.argument("text")
@path_option
@json_option
def search_cards(text: str, path: Path, as_json: bool) -> None:
    """List the cards that mention TEXT; exit code 1 when there is none."""
    cards = _open(path).find(text)
    if as_json:
        click.echo(json.dumps([{"id": c.id, "type": c.type_name, "title": c.title} for c in cards]))
    else:
        for card in cards:
            click.echo(f"{card.id}  [{card.type_name.replace('_', ' ')}]  {card.title}".rstrip())
    if not cards:
        if not as_json:
            click.echo(f"No card mentions '{text}'.")
        sys.exit(1)


@kb.command("validate")
@path_option
@json_option
def validate_cards(path: Path, as_json: bool) -> None:
    """Check every card; exit code 1 when something is wrong."""
    registry = _open(path)
    problems = registry.validate()
    if as_json:
        click.echo(json.dumps([vars(p) for p in problems], indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
        counts = Counter(registry.get(i).type_name for i in registry.ids()) if not problems else {}
        kinds = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in counts.items())
        if problems:
            click.secho(f"{len(problems)} problems.", fg="red")
        else:
            click.secho(f"{len(registry.ids())} cards are valid: {kinds}.", fg="green")
    sys.exit(1 if problems else 0)
