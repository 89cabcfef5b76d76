"""Files: whole or absent outputs, problems that name their place, verified bytes."""

import errno
import gzip
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest
from pydantic import BaseModel, ConfigDict
from support.project import SCRIPTS
from support.scripts import run_script

from ecslm.common import environment
from ecslm.common.environment import lock_versions, require_locked
from ecslm.common.errors import InputError
from ecslm.common.files import read_text, settle, write_json, write_jsonl, write_text
from ecslm.common.rows import read_jsonl

LINE_SEPARATOR = "\u2028"


class Sample(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    count: int
    words: list[str] = []


@pytest.mark.parametrize("old", [b"old", None])
def test_an_old_file_or_none_is_there_after_a_write_that_fails(
    old: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"new": float("nan")})

    def rows() -> Iterator[dict[str, int]]:
        yield {"half": 1}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_jsonl(path, rows())
    assert [one.read_bytes() for one in tmp_path.iterdir()] == ([] if old is None else [old])


def test_rows_come_back_as_they_were_written_or_as_an_editor_has_left_them(tmp_path: Path) -> None:
    path, words = tmp_path / "rows.jsonl", ["a", "\x85", LINE_SEPARATOR, "\r\n"]
    rows = [Sample(id="ä", count=1, words=words), Sample(id="b", count=2)]
    write_jsonl(path, rows)
    assert read_jsonl(path, Sample) == rows
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n").rstrip())
    assert read_jsonl(path, Sample) == rows


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"ab\xe9c", "not UTF-8 text (byte 2)"),
        (gzip.compress(b"a", mtime=0), "is compressed with gzip: unpack it"),
        ("a".encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        (None, "no such file"),
    ],
)
def test_a_file_that_is_no_text_is_called_what_it_is(
    content: bytes | None, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_text(path)
    assert caught.value.problems == (f"{path}: {problem}",)


def test_a_job_refuses_versions_that_the_lock_file_does_not_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("# by hand\npydantic==0.0.1+cpu\nno-such-package==1.0 ; python_version > '3'\n")
    locked = lock_versions(["pydantic", "no-such-package"], lock)
    assert locked == {"pydantic": "0.0.1", "no-such-package": "1.0"}
    monkeypatch.setattr(environment, "lock_versions", lambda _: locked)
    with pytest.raises(InputError) as caught:
        require_locked(locked)
    wrong, missing = caught.value.problems
    assert wrong.endswith("in this environment, 0.0.1 in requirements.lock: run `make setup`")
    assert missing.startswith("no-such-package: not installed in this environment, 1.0 in ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_script_that_is_told_to_stop_says_so_and_leaves_no_temporary_file(
    tmp_path: Path, number: signal.Signals
) -> None:
    code = (
        "import signal, time; from pathlib import Path\n"
        "from ecslm.script import run_script\n"
        "from ecslm.common.files import write_lines\n"
        # Tests that run in the background have Ctrl-C ignored, and hand that on.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def lines():\n"
        "    print('writing', flush=True); time.sleep(60); yield ''\n"
        "def main():\n"
        "    write_lines(Path('out.txt'), lines())\n"
        "run_script(main)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(SCRIPTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.send_signal(number)
    _, errors = process.communicate()
    assert errors == "error: interrupted: run again to continue from what is finished\n"
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []


def test_files_of_many_threads_have_the_permissions_of_the_users_umask(tmp_path: Path) -> None:
    """A library's files too, which may be private."""
    before = os.umask(0o027)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: write_text(tmp_path / f"{i}", "x"), range(200)))
            list(pool.map(lambda i: (tmp_path / f"{i}").chmod(0o600), range(100)))
            list(pool.map(lambda i: settle(tmp_path / f"{i}"), range(100)))
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o640}


def test_a_full_disk_is_said_with_the_file_that_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    output = tmp_path / "made" / "schema.json"
    run = run_script("config_schema.py", "--output", output, "--markdown", tmp_path / "page.md")
    line = f"error: {output}: No space left on device: make room there, or write to another disk\n"
    assert (run.returncode, run.stderr) == (1, line)
    assert not list(tmp_path.rglob("*.json"))
