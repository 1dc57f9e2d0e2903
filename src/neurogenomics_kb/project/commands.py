"""``kedro kb``, also as the console script ``ngkb``, which need not wait for Kedro to start."""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.jobs.commands import jobs
from neurogenomics_kb.project.shard_commands import embed
from neurogenomics_kb.project.start import start_project
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import Card, ResultCard
from neurogenomics_kb.registry.clones import COLUMNS, check_files, cited_files, read_list
from neurogenomics_kb.registry.compare import compare_results
from neurogenomics_kb.registry.disclosure import FLOOR
from neurogenomics_kb.registry.drafts import new_card
from neurogenomics_kb.registry.evidence import results_using, verdicts_on
from neurogenomics_kb.registry.field_map import MappedField, map_fields
from neurogenomics_kb.registry.integrity import not_looked_for
from neurogenomics_kb.registry.lock import write_lock
from neurogenomics_kb.registry.publish import track_result
from neurogenomics_kb.registry.schemas import write_schemas
from neurogenomics_kb.registry.yaml_file import dump_yaml

MOST_RESULTS = 5
# Sentences of a result that fit a screen with the rest.
MOST_SENTENCES = 4
MOST_ENTRIES = 10

path_option = click.option(
    "--kb",
    "path",
    default="kb",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the knowledge base.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


@click.group()
def kb() -> None:
    """Read, check and extend the knowledge base."""


def one_line_errors(command: Callable) -> Callable:
    """Errors of the user end a command in one line with exit code 1."""

    @wraps(command)
    def wrapped(**arguments):
        try:
            return command(**arguments)
        except InputError as error:
            raise click.ClickException(str(error)) from None

    return wrapped


def _open(path: Path) -> Registry:
    try:
        return Registry(path)
    except InputError as error:
        raise click.UsageError(str(error)) from None


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _kind(card: Card) -> str:
    return type(card).type_name.replace("_", " ")


def _show(path: Path, card_id: str, as_json: bool, type_name: str | None = None) -> None:
    registry = _open(path)
    card = registry.get(card_id, type_name)
    used = [] if isinstance(card, ResultCard) else _results(registry, card_id)
    verdicts = verdicts_on(used, card_id)
    if as_json:
        _print_json(
            {**card.model_dump(mode="json"), "hash": card.content_hash, "results": [
                {"id": r.id, "same_hash": r.cards[card_id] == card.content_hash} for r in used
            ], "verdicts": [{"result": r.id, **line} for r, line in verdicts]}
        )  # fmt: skip
        return
    if isinstance(card, ResultCard):
        _print_result(card, registry.file_of(card_id))
        return
    click.secho(f"# {_kind(card)}, {card.status}, hash {card.content_hash}", fg="cyan")
    click.secho(f"# {registry.file_of(card_id)}", fg="cyan")
    for result in used[:MOST_RESULTS]:
        now = "" if result.cards[card_id] == card.content_hash else ", an earlier state of the card"
        click.secho(f"# used by result {result.id}{now}", fg="cyan")
    if len(used) > MOST_RESULTS:
        click.secho(f"# and {len(used) - MOST_RESULTS} earlier results", fg="cyan")
    for _, line in verdicts[:MOST_RESULTS]:
        where = f"{line['cohort']}, N = {line['n_subjects']}, block {line['block']}"
        click.secho(f"# beside its rivals: {line['verdict']} ({where})", fg="cyan")
    click.echo(dump_yaml(card.model_dump(mode="json", exclude_unset=True)), nl=False)


def _print_result(card: ResultCard, file: Path) -> None:
    """A result on one screen; ``--json`` has all of it."""

    def lines(text: str, first: str = "- ") -> None:
        click.echo(textwrap.fill(text, 80, initial_indent=first, subsequent_indent="  "))

    click.secho(card.id, bold=True)
    click.echo(f"N = {card.n_subjects}, {card.created}, code {card.code_version}")
    click.echo(f"MLflow run {card.mlflow_run_id or 'none'}, folds {card.folds.get('hash', '–')}")
    for line in card.headline[:MOST_SENTENCES]:
        lines(line)
    if len(card.headline) > MOST_SENTENCES:
        lines(f"and {len(card.headline) - MOST_SENTENCES} more sentences")
    told = card.surviving
    primary = [row for row in told.get("primary", []) if row.get("standing") == "stands"]
    stand = [*primary, *told.get("significant", [])]
    click.secho(
        f"{told.get('n_standing', len(stand))} of {told.get('n_tests', 0)} tests stand over the "
        "run",
        bold=True,
    )
    for row in stand[:MOST_RESULTS]:
        p = row.get("p_adjusted", row.get("p_run"))
        shown = "" if p is None else f", p = {p:.2g}"
        lines(f"{row.get('test', '')}{shown}")
    levels = Counter(v.get("level", "") for v in card.verdict)
    if levels:
        click.echo(f"Audit: {', '.join(f'{n} {level}' for level, n in levels.items())}")
    if card.warnings:
        click.echo(f"Cautions: {len(card.warnings)}, in the report and with --json")
    where = file.with_suffix("")
    click.echo(f"Card {file}")
    if card.tables:
        lines(f"Tables in {where}: {', '.join(card.tables)}", "")


def _results(registry: Registry, card_id: str) -> list[ResultCard]:
    """Results that used a card; broken result cards are left to `validate`."""
    found = []
    for result_id in registry.ids("result"):
        # Looking into the text first saves parsing the results that never name the card.
        if card_id in registry.text_of(result_id):
            try:
                found.append(registry.get(result_id))
            except InputError:
                continue
    return results_using(found, card_id)


@kb.command("list")
@click.argument("type_name", metavar="[TYPE]", required=False)
@path_option
@json_option
@one_line_errors
def list_cards(type_name: str | None, path: Path, as_json: bool) -> None:
    """List cards, all or of one TYPE (dataset, model, paper, embedding_strategy, experiment, …)."""
    registry = _open(path)
    cards = [registry.get(card_id) for card_id in registry.ids(type_name)]
    if as_json:
        _print_json(
            [
                {"id": c.id, "type": type(c).type_name, "status": c.status, "title": c.title}
                for c in cards
            ]
        )
        return
    width = max((len(c.id) for c in cards if not isinstance(c, ResultCard)), default=0)
    for kind in dict.fromkeys(_kind(c) for c in cards):
        click.secho(kind, bold=True)
        for card in (c for c in cards if _kind(c) == kind):
            note = "" if card.status == "ready" else f" ({card.status})"
            click.echo(f"  {card.id:<{width}}  {card.title}{note}".rstrip())


def _add_show(name: str, type_name: str | None, text: str) -> None:
    @kb.command(name, help=text)
    @click.argument("card_id", metavar="ID")
    @path_option
    @json_option
    @one_line_errors
    def show(card_id: str, path: Path, as_json: bool) -> None:
        _show(path, card_id, as_json, type_name)


_add_show("show", None, "Print the card ID and the results that used it.")
_add_show("strategy", "embedding_strategy", "Print the embedding strategy ID: the recipe that runs")
_add_show("harmonization", "harmonization", "Print the harmonization method ID.")
_add_show("preprocessing", "preprocessing", "Print the rs-fMRI preprocessing pipeline ID.")


@kb.command("search")
@click.argument("text")
@path_option
@json_option
@one_line_errors
def search_cards(text: str, path: Path, as_json: bool) -> None:
    """List the cards that mention TEXT; exit code 1 when there is none."""
    registry = _open(path)
    cards, listed = registry.find(text), registry.entries(text)
    if as_json:
        rows = [{"id": c.id, "type": type(c).type_name, "title": c.title} for c in cards]
        for row in rows:
            if row["id"] in listed:
                row["entries"] = [e.model_dump(exclude_defaults=True) for e in listed[row["id"]]]
        _print_json(rows)
    else:
        for card in cards:
            click.echo(f"{card.id}  [{_kind(card)}]  {card.title}".rstrip())
            entries = listed.get(card.id, [])
            for entry in entries[:MOST_ENTRIES]:
                where = entry.paper or entry.code or entry.data
                click.echo(f"  {entry.kind}: {entry.name}  {where}".rstrip())
            if len(entries) > MOST_ENTRIES:
                click.echo(f"  and {len(entries) - MOST_ENTRIES} more entries (--json has all)")
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
        _print_json([vars(p) for p in problems])
    elif problems:
        for problem in problems:
            click.echo(str(problem))
        click.secho(f"{len(problems)} problems.", fg="red")
    else:
        counts = Counter(registry.type_of(i).replace("_", " ") for i in registry.ids())
        kinds = ", ".join(f"{n} {kind}" for kind, n in counts.items())
        click.secho(f"{len(registry.ids())} cards are valid: {kinds}.", fg="green")
        if absent := not_looked_for(registry):
            click.echo(
                f"{absent} files that they name are of docs, tests or scripts, which are not here: "
                "they were not looked for."
            )
    sys.exit(1 if problems else 0)


@kb.command("fields")
@click.argument("dataset_id", metavar="ID")
@path_option
@json_option
@one_line_errors
def list_fields(dataset_id: str, path: Path, as_json: bool) -> None:
    """List the fields that an extract is ordered by, of the dataset card ID and its parts."""
    fields = map_fields(_open(path), dataset_id)
    if as_json:
        _print_json([f._asdict() for f in fields])
        return
    click.echo("\t".join(MappedField._fields))
    for field in fields:
        click.echo("\t".join("" if part is None else str(part) for part in field))


@kb.command("sources")
@click.option(
    "--clones",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with clones of the repositories, in which the files are looked for.",
)
@click.option(
    "--list",
    "table",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Table with the columns repository, commit and path, instead of what the cards cite.",
)
@path_option
@json_option
@one_line_errors
def check_sources(clones: Path | None, table: Path | None, path: Path, as_json: bool) -> None:
    """List the files of repositories that cards cite, or look for them in local clones.

    Without --clones the list is printed as a table that --list reads. With it, every file is looked
    for at its commit; exit code 0 when all were seen, 1 when one is absent or has no clone.
    """
    files = cited_files(_open(path)) if table is None else read_list(table)
    checked = None if clones is None else check_files(files, clones)
    seen = checked is None or (bool(checked) and all(c.state == "found" for c in checked))
    if as_json:
        rows = [{**f._asdict(), "places": list(f.places)} for f in files]
        for row, found in zip(rows, checked or [], strict=False):
            row.update(state=found.state, clone=found.clone)
        _print_json(rows)
    elif checked is None:
        click.echo("\t".join([*COLUMNS, "cited by"]))
        for file in files:
            click.echo("\t".join([*file[:3], ", ".join(file.places)]))
    else:
        for found in (c for c in checked if c.state != "found"):
            file = found.file
            click.echo(f"{found.state}: {file.repository} {file.commit[:12]} {file.path}")
            click.echo("".join(f"    {place}\n" for place in file.places), nl=False)
        told = ", ".join(f"{n} {state}" for state, n in Counter(c.state for c in checked).items())
        click.secho(
            f"{len(checked)} files: {told or 'none to look for'}.", fg="green" if seen else "red"
        )
    sys.exit(0 if seen else 1)


@kb.command("new")
@click.argument("type_name", metavar="TYPE")
@click.argument("card_id", metavar="ID")
@click.option(
    "--from",
    "source",
    metavar="ID|TABLE",
    help="Copy this card instead of a skeleton; for a dataset also a table (.csv, .tsv, .parquet), "
    "which is described without copying anybody's values.",
)
@path_option
@one_line_errors
def draft_card(type_name: str, card_id: str, source: str | None, path: Path) -> None:
    """Write a new card of TYPE with the id ID."""
    click.echo(f"Written to {new_card(_open(path), type_name, card_id, source)}.")


@kb.command("lock")
@click.option(
    "--accept-sets",
    is_flag=True,
    help="Publish changed confound sets, and what they make of published strategies.",
)
@path_option
@one_line_errors
def lock_cards(accept_sets: bool, path: Path) -> None:
    """Publish versioned cards (…_v1): from then on they do not change."""
    added = write_lock(_open(path), accept_sets)
    click.echo(f"{len(added)} cards published{': ' if added else ''}{', '.join(added)}.")


@kb.command("schema")
@path_option
def export_schemas(path: Path) -> None:
    """Write the JSON Schemas with which editors complete cards, into kb/schemas."""
    click.echo(f"{len(write_schemas(path))} schemas written to {path / 'schemas'}.")


@kb.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@one_line_errors
def init_project(folder: Path) -> None:
    """Make a project in FOLDER from the installed package: cards, configuration, empty data."""
    click.echo(f"{start_project(folder)}: go there and type `ngkb list` or `kedro run`.")


@kb.command("publish")
@click.argument("result_id", metavar="RESULT")
@path_option
@one_line_errors
def publish_card(result_id: str, path: Path) -> None:
    """Put RESULT, found on this machine, where version control sees it; then commit it.

    RESULT is the id of a result card or of an MLflow run, or the beginning of one. Its tables and
    the draft of its decision go with it.
    """
    registry = _open(path)
    for moved in track_result(path, registry.result(result_id).id):
        click.echo(moved)


@kb.command("sync")
@click.option("--tracking-uri", help="Tracking server; by default the one of conf/*/mlflow.yml.")
@click.option("--experiment", help="MLflow experiment; by default the one of conf/*/mlflow.yml.")
@click.option("--env", help="Environment whose mlflow.yml is read; by default that of a plain run.")
@click.option("--minimum-cell", default=10, show_default=True, type=click.IntRange(FLOOR))
@path_option
@json_option
@one_line_errors
def sync_cards(
    tracking_uri: str | None,
    experiment: str | None,
    env: str | None,
    minimum_cell: int,
    path: Path,
    as_json: bool,
) -> None:
    """Rebuild missing result cards from the tracking server alone; exit code 1 for problems."""
    # MLflow takes seconds to import, which no other command should pay.
    from neurogenomics_kb.project.tracking import sync_results, tracking_settings

    registry = _open(path)
    uri, name = tracking_settings(registry.project, env)
    done = sync_results(tracking_uri or uri, experiment or name, path, minimum_cell)
    if as_json:
        _print_json(vars(done))
    else:
        for card_id in done.written:
            click.echo(f"written    {card_id}")
        for problem in done.problems:
            click.secho(f"problem    {problem}", fg="red")
        click.echo(f"{len(done.written)} written, {len(done.unchanged)} already there.")
    sys.exit(1 if done.problems else 0)


@kb.command("send")
@click.option("--from", "source", help="Where they were tracked.  [default: mlflow.db beside kb]")
@click.option("--tracking-uri", help="Tracking server; by default the one of conf/*/mlflow.yml.")
@click.option("--experiment", help="MLflow experiment; by default the one of conf/*/mlflow.yml.")
@click.option("--env", help="Environment whose mlflow.yml is read; by default that of a plain run.")
@path_option
@one_line_errors
def send_tracked(
    source: str | None,
    tracking_uri: str | None,
    experiment: str | None,
    env: str | None,
    path: Path,
) -> None:
    """Send runs with results, tracked in a file while the server was away, to the server."""
    from neurogenomics_kb.project.config import STORE, below
    from neurogenomics_kb.project.sending import send_runs
    from neurogenomics_kb.project.tracking import tracking_settings

    project = _open(path).project.resolve()
    uri, name = tracking_settings(project, env)
    done = send_runs(below(project, source or STORE), tracking_uri or uri, experiment or name)
    for card_id in done.sent:
        click.echo(f"sent       {card_id}")
    click.echo(f"{len(done.sent)} sent, {len(done.unchanged)} already there.")


@kb.command("diff")
@click.argument("run_a", metavar="RUN_A")
@click.argument("run_b", metavar="RUN_B")
@path_option
@json_option
@one_line_errors
def diff_runs(run_a: str, run_b: str, path: Path, as_json: bool) -> None:
    """Say what differs between two runs, and whether comparing them is fair.

    RUN_A and RUN_B are ids of result cards or of MLflow runs, or the beginning of one. Exit code 0
    when both tested the same subjects in the same folds on the same outcome, 1 when not.
    """
    registry = _open(path)
    a, b = registry.result(run_a), registry.result(run_b)
    found = compare_results(a, b, registry.tables(a.id), registry.tables(b.id))
    if as_json:
        _print_json(found)
    else:
        _print_comparison(found)
    sys.exit(0 if found["fair"] else 1)


def _print_comparison(found: dict[str, Any]) -> None:
    click.echo(f"a  {found['a']}\nb  {found['b']}")
    for part in ("cards", "parameters", "data", "code"):
        rows = found[part]
        click.secho(f"{part}: {'the same' if not rows else ''}".rstrip(), bold=True)
        for row in rows:
            click.echo(f"  {row['name']}: {row['a']} | {row['b']}")
    click.secho("metrics (a, b, b − a)", bold=True)
    for row in found["metrics"]:
        click.echo(f"  {row['name']}: {row['a']:.4g}, {row['b']:.4g}, {row['difference']:+.4f}")
    if found["fair"]:
        click.secho("Fair: the same subjects in the same folds, the same outcome.", fg="green")
    else:
        click.secho(f"Not a fair comparison: {'; '.join(found['reasons'])}.", fg="red")


kb.add_command(embed)
kb.add_command(jobs)


if __name__ == "__main__":
    kb()
