"""Safe YAML: no tags that build objects, no aliases, bounded size and depth, lines remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import refuse_no_file

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # a PyYAML built without libyaml
    from yaml import SafeLoader

MAX_BYTES = 2_000_000
MAX_DEPTH = 20
PLAIN_COLLECTIONS = {"tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}

Lines = dict[tuple, int]


def read_yaml(path: Path) -> tuple[Any, Lines]:
    """Parse a card file.

    Parameters
    ----------
    path : Path
        File or folder to read.

    Returns
    -------
    data : object
        Plain dicts, lists and scalars.
    lines : dict of tuple to int
        Line number (1-based) of every field, keyed by its path of keys and positions.

    Raises
    ------
    InputError
        If the file is not YAML, is too large or too deep, repeats a key, uses an alias or a tag
        that would build an object.
    """
    refuse_no_file(path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(
            f"{size:,} bytes are too many for a card (limit {MAX_BYTES:,})",
            file=path,
            remedy="Cards describe data; keep the data elsewhere.",
        )
    try:
        text = path.read_text(encoding="utf-8")
        refuse_nesting(text, path)
        node = yaml.compose(text, Loader=SafeLoader)
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise unreadable(error, path, "Fix the syntax.") from None
    lines: Lines = {}
    if node is None:
        return None, lines
    return _convert(node, (), lines, set(), path), lines


def unreadable(error: UnicodeDecodeError | yaml.YAMLError, path: Path, remedy: str) -> InputError:
    """One line about a file that is no text, or no YAML.

    Parameters
    ----------
    error : UnicodeDecodeError or YAMLError
        What was said of it.
    path : Path
        The file.
    remedy : str
        What to do about the syntax.
    """
    if isinstance(error, UnicodeDecodeError):
        return InputError(
            f"byte {error.start + 1:,} is not UTF-8 text", file=path, remedy="Save it as UTF-8."
        )
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return InputError(
        f"not valid YAML: {problem}", file=f"{path}:{mark.line + 1}" if mark else path,
        remedy=remedy,
    )  # fmt: skip


def refuse_nesting(text: str, path: Path, *, aliases: bool = False) -> None:
    """Count nesting and aliases in the event stream, before anything recursive sees the text.

    Parameters
    ----------
    text : str
        Of the file.
    path : Path
        Its name, for messages.
    aliases : bool
        Whether they are allowed.

    Raises
    ------
    InputError
        If there is too much of one.
    """
    depth = 0
    for event in yaml.parse(text, Loader=SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise InputError(
                    f"nested more than {MAX_DEPTH} levels deep",
                    file=f"{path}:{event.start_mark.line + 1}",
                    remedy="Flatten the card.",
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent) and not aliases:
            raise InputError(
                "aliases (*name) are not allowed in cards",
                file=f"{path}:{event.start_mark.line + 1}",
                remedy="Write the value out.",
            )


def _convert(node: yaml.Node, where: tuple, lines: Lines, open_nodes: set, path: Path) -> Any:
    lines[where] = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, path)
    if node.tag not in PLAIN_COLLECTIONS:
        raise refused_tag(node, path)
    if isinstance(node, yaml.SequenceNode):
        return [
            _convert(item, (*where, i), lines, open_nodes, path)
            for i, item in enumerate(node.value)
        ]
    out: dict = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node, path) if isinstance(key_node, yaml.ScalarNode) else None
        line = key_node.start_mark.line + 1
        if key is None or key in out:
            raise InputError(
                "a key is not a name" if key is None else f"key '{key}' appears twice",
                file=f"{path}:{line}",
                remedy="Keep one." if key is not None else "Use plain names as keys.",
            )
        out[key] = _convert(value_node, (*where, key), lines, open_nodes, path)
        lines[(*where, key)] = line
    return out


def refused_tag(node: yaml.Node, path: Path) -> InputError:
    """Error for a tag that would build an object."""
    return InputError(
        f"tag {node.tag} is not allowed",
        file=f"{path}:{node.start_mark.line + 1}",
        remedy="Cards hold plain text, numbers, lists and mappings.",
    )


def _scalar(node: yaml.ScalarNode, path: Path) -> Any:
    constructor = SafeLoader.yaml_constructors.get(node.tag)
    if constructor is None:
        raise refused_tag(node, path)
    loader = SafeLoader("")
    try:
        return constructor(loader, node)
    except (ValueError, yaml.YAMLError) as error:
        raise InputError(
            f"value {node.value!r} cannot be read ({error})",
            file=f"{path}:{node.start_mark.line + 1}",
            remedy="Quote it if it is text.",
        ) from None
    finally:
        loader.dispose()


class _Dumper(yaml.SafeDumper):
    """Block style with indented lists."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def dump_yaml(data: Any) -> str:
    """Card text: keys in the given order, unicode kept."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
