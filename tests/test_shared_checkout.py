"""A folder that a group shares: two people, whom root plays one after the other."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.project.store import alone_in
from neurogenomics_kb.project.turns import turn

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may play two people")
GROUP, PEOPLE = 54_321, (54_322, 54_323)


@pytest.fixture
def folder():
    """A folder whose files belong to its group."""
    top = Path(tempfile.mkdtemp())
    os.chown(top, PEOPLE[0], GROUP)
    top.chmod(0o2775)
    yield top
    shutil.rmtree(top)


def work(folder: Path, person: int, mask: int) -> str:
    """What a run does in a folder, done by one person; says what went wrong."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        said = ""
        try:
            os.setgroups([])
            os.setgid(GROUP)
            os.setuid(person)
            os.umask(mask)
            with turn(folder / "data"), alone_in(f"sqlite:///{folder}/mlflow.db"):
                write_text_whole(folder / "data/state.json", f"{person}")
        except InputError as error:
            said = str(error)
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(theirs, said.encode())
        os._exit(0)
    os.close(theirs)
    os.wait()
    return b"".join(iter(lambda: os.read(ours, 4096), b"")).decode()


def test_what_one_wrote_another_may_replace(folder):
    for person in (*PEOPLE, PEOPLE[0]):
        assert work(folder, person, 0o002) == ""
        assert (folder / "data/state.json").read_text() == str(person)
    for file in [*folder.rglob("*"), *folder.rglob(".*")]:
        assert file.stat().st_gid == GROUP
        assert file.stat().st_mode & 0o060 == 0o060


def test_where_the_group_may_not_write_one_line_says_what_to_change(folder):
    assert work(folder, PEOPLE[0], 0o022) == ""
    said = work(folder, PEOPLE[1], 0o022)
    assert "data: cannot be written (Permission denied)" in said
    assert "umask 002" in said
    assert (folder / "data/state.json").read_text() == str(PEOPLE[0])
