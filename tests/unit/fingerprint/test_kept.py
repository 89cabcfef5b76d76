"""Digests that earlier processes have computed are used for the same code, and for no other."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.small_tree import CIRCLE, SQUARE, TREE, digest

from ecslm.fingerprint import code, kept
from ecslm.fingerprint.code import Code
from ecslm.fingerprint.digest import code_of

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python may keep bytecode beside the code, whatever the tests themselves run with."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scripts whose code has been analysed."""
    found = []

    def analysed(names: object, script: str, modules: tuple[str, ...]) -> object:
        found.append(script)
        return reach(names, script, modules)

    reach = code.Reach
    monkeypatch.setattr(code, "Reach", analysed)
    return found


def next_process(root: Path, *arguments: str) -> str:
    """The digest that another process finds."""
    code_of.cache_clear()
    return digest(root, *arguments)


def file_of(root: Path) -> Path:
    (path,) = (root / "__pycache__").iterdir()
    return path


def test_a_digest_is_computed_once_for_all_processes(make: Make, computed: list[str]) -> None:
    root = make()
    first = digest(root)
    assert [next_process(root) for _ in range(3)] == [first] * 3
    assert computed == ["job.py"]


def test_each_script_and_module_that_it_loads_has_its_own(make: Make, computed: list[str]) -> None:
    root = make()
    jobs = [("job.py",), ("other.py",), ("job.py", "ecslm.shapes.square")]
    first = [digest(root, *job) for job in jobs]
    assert len(set(first)) == 3
    assert [next_process(root, *job) for job in jobs] == first
    assert len(computed) == 3


def test_processes_that_compute_at_once_keep_what_the_other_has_found(
    make: Make, computed: list[str]
) -> None:
    root = make()
    code_of.cache_clear()
    one = code_of(root)
    code_of.cache_clear()
    other = code_of(root)
    one.digest("job.py")
    other.digest("other.py")
    for script in ("job.py", "other.py"):
        next_process(root, script)
    assert computed == ["job.py", "other.py"]


def edited(root: Path) -> None:
    (root / CIRCLE).write_text(TREE[CIRCLE].replace("3.14", "4.13"))


def emptied(root: Path) -> None:
    (root / CIRCLE).write_text("")


def with_another_file(root: Path) -> None:
    """A module that the script finds in place of another one."""
    (root / "logging.py").write_text("print(1)\n")


def renamed(root: Path) -> None:
    """It stays at its place among the names."""
    (root / "other.py").rename(root / "others.py")


def swapped(root: Path) -> None:
    """The same contents under each other's names."""
    (root / CIRCLE).write_text(TREE[SQUARE])
    (root / SQUARE).write_text(TREE[CIRCLE])


@pytest.mark.parametrize("edit", [edited, emptied, with_another_file, renamed, swapped])
def test_code_that_was_edited_is_analysed_again_and_so_is_the_old_one(
    edit: Callable[[Path], None], make: Make, computed: list[str]
) -> None:
    root, same = make(), make()
    before = digest(root)
    edit(root)
    after = next_process(root)
    assert computed == ["job.py"] * 2
    assert after == Code(root).digest("job.py")
    for new in ("logging.py", "others.py"):
        (root / new).unlink(missing_ok=True)
    for name, text in TREE.items():
        (root / name).write_text(text)
    assert next_process(root) == before == digest(same)


@pytest.mark.parametrize("what", ["the version of Python", "the code that computes digests"])
def test_what_was_computed_otherwise_is_not_used(
    what: str, make: Make, computed: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = make()
    digest(root)
    if what == "the version of Python":
        monkeypatch.setattr(sys, "version", "3.99")
    else:
        monkeypatch.setattr(kept, "__file__", str(tmp_path / "kept.py"))
    next_process(root)
    assert computed == ["job.py"] * 2


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"{", b"[]", b"null", b'{"origin": ""}', b'{"digests": {"job.py": 1}}'],
)
def test_a_broken_file_is_written_anew(content: bytes, make: Make, computed: list[str]) -> None:
    root = make()
    first = digest(root)
    file_of(root).write_bytes(content)
    assert next_process(root) == next_process(root) == first
    assert computed == ["job.py"] * 2


def test_digests_in_another_form_are_ignored(make: Make) -> None:
    root = make()
    first = digest(root)
    path = file_of(root)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"digests": [first]}))
    assert next_process(root) == first


def test_nothing_is_kept_where_python_keeps_no_bytecode(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    digest(root)
    assert not (root / "__pycache__").exists()


def test_a_folder_that_cannot_be_written_is_no_obstacle(make: Make) -> None:
    root, same = make(), make()
    (root / "__pycache__").write_text("no folder")
    assert digest(root) == digest(same)
