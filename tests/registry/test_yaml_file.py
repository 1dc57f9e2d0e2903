from __future__ import annotations

import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.registry.yaml_file import dump_yaml, read_yaml


@pytest.fixture
def write(tmp_path):
    def make(text):
        path = tmp_path / "card.yaml"
        path.write_text(text)
        return path

    return make


def test_values_and_their_lines(write):
    data, lines = read_yaml(write("a: 1\nb:\n  - x\n  - {c: true, d: 2.5}\n"))
    assert data == {"a": 1, "b": ["x", {"c": True, "d": 2.5}]}
    assert lines[("a",)] == 1
    assert lines[("b", 1)] == lines[("b", 1, "d")] == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: !!python/object/apply:os.system ['true']", "tag .*python.* is not allowed"),
        ("a: !custom 1", "tag !custom is not allowed"),
        ("a: &x 1\nb: *x", "card.yaml:2: aliases"),
        ("a: 1\nb: 2\na: 3", "card.yaml:3: key 'a' appears twice"),
        ("a: [1\nb: 2", "not valid YAML"),
        ("[" * 50 + "]" * 50, "nested more than 20 levels"),
        ("? [1, 2]\n: x", "a key is not a name"),
        ("a: 2020-13-45", "cannot be read"),
        ("x: '" + "y" * 2_100_000 + "'", "too many for a card"),
    ],
)
def test_hostile_files_are_refused_in_one_line(write, text, words):
    with pytest.raises(InputError, match=words) as caught:
        read_yaml(write(text))
    assert "\n" not in str(caught.value)


def test_exponential_aliases_end_at_once(write):
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    with pytest.raises(InputError, match="aliases"):
        read_yaml(write("\n".join(lines)))


def test_round_trip(write, tmp_path):
    data = {"b": [1, 2.5, None], "a": {"text": "µm – ö"}, "c": "yes"}
    write_text_whole(tmp_path / "new/card.yaml", dump_yaml(data))
    assert read_yaml(tmp_path / "new/card.yaml")[0] == data
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["card.yaml"]


def test_other_encodings_are_refused_with_the_place(tmp_path):
    file = tmp_path / "card.yaml"
    for text in ("title: Größe\n".encode("latin-1"), "title: x\n".encode("utf-16"), b"a: \xff\n"):
        file.write_bytes(text)
        with pytest.raises(InputError, match=r"byte \d+ is not UTF-8|not valid YAML"):
            read_yaml(file)
