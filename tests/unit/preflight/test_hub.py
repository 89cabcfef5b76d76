"""What the hub does not give is told with what to do; nothing is fetched, and no token is shown."""

from pathlib import Path
from typing import Any

import pytest
from support.fake_hub import COMMIT, TOKEN, FakeHub, FakeRepository
from support.planned_runs import lines, on_hub, planned_run

from ecslm.preflight.hub import check_hub

ECINSTRUCT = {"source": "hub", "id": "a/data", "revision": COMMIT}


def told(revision: str = COMMIT, **study: Any) -> list[str]:
    """What is told of a run that fetches `a/small`."""
    return lines(check_hub(planned_run(bases={"Small": on_hub(revision=revision)}, **study)))


def test_what_can_be_read_is_one_line_and_without_it_nobody_is_asked(hub: FakeHub) -> None:
    (found,) = check_hub(planned_run())
    assert (found.severity, found.message) == ("ok", "nothing is to be fetched")
    assert not hub.received
    hub.models["a/small"] = FakeRepository(revisions={COMMIT: COMMIT})
    hub.datasets["a/data"] = FakeRepository(revisions={COMMIT: COMMIT})
    run = planned_run(bases={"Small": on_hub(revision=COMMIT)}, data=ECINSTRUCT)
    assert [one.message for one in check_hub(run)] == ["to be fetched: a/small, a/data"]


def test_what_is_not_pinned_is_told_with_its_commit(hub: FakeHub) -> None:
    hub.models["a/small"] = FakeRepository(gated=True)
    assert f"warning: bases.Small.revision: main may change: set it to {COMMIT}" in told("main")


def refused(revision: str = COMMIT) -> bool:
    """Whether the one line that is told says what to do."""
    (line,) = told(revision)
    assert line.startswith(
        f"error: bases.Small: the hub does not give model a/small at {revision}: "
    )
    assert "and set HF_TOKEN to a token of that account" in line
    assert TOKEN not in line
    return True


@pytest.mark.parametrize("with_token", [False, True])
def test_a_gated_model_is_refused_until_the_token_may_read_it(
    with_token: bool, hub: FakeHub, tmp_path: Path
) -> None:
    hub.models["a/small"] = FakeRepository(gated=True, revisions={COMMIT: COMMIT})
    hub.accepted[TOKEN] = set()
    if with_token:
        (tmp_path / "token").write_text(TOKEN)
    assert refused()
    hub.accepted[TOKEN] = {"a/small"}
    assert told() == [] if with_token else refused()


@pytest.mark.parametrize("token", [TOKEN, f"{TOKEN}\vx", f"{TOKEN}é"])
def test_a_refused_token_is_not_shown(
    token: str, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.models["a/small"] = FakeRepository()
    monkeypatch.setenv("HF_TOKEN", token)
    (line,) = told()
    assert "HF_TOKEN" in line
    assert TOKEN not in line


def test_an_unknown_repository_or_revision_names_the_key(hub: FakeHub) -> None:
    for private, revision in ((False, COMMIT), (True, COMMIT), (False, "v2")):
        assert refused(revision)
        hub.models["a/small"] = FakeRepository(private=not private)


@pytest.mark.parametrize("trouble", ["status 503", "a page", "nothing"])
def test_a_hub_that_cannot_be_asked_is_one_line_for_all_repositories(
    trouble: str, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    # Nothing listens at the port of an echo service; its password is not shown.
    url = "http://127.0.0.1:7/hub" if trouble == "nothing" else hub.url
    monkeypatch.setattr(constants, "ENDPOINT", url.replace("127", "me:p@ss@127", 1))
    hub.status = 503 if trouble == "status 503" else None
    hub.content = b"<html>Log in</html>" if trouble == "a page" else None
    (line,) = told(data=ECINSTRUCT)
    assert line.startswith(f"error: {url}: cannot be asked (")
    assert hub.status is None or "503" in line
    assert "--config study=shop -- bases datasets" in line
    assert "p@ss" not in line
