"""What cannot be fetched from the hub is told with what to do, and no token is ever shown."""

from pathlib import Path

import pytest
from support.fake_hub import COMMIT, TOKEN, FakeHub, FakeRepository
from support.planned_runs import lines, on_hub, planned_run

from ecslm.preflight import servers
from ecslm.preflight.access import check_access
from ecslm.preflight.planned_run import PlannedRun

ECINSTRUCT = {"source": "hub", "id": "a/data", "revision": COMMIT}


def run(revision: str = "main", **study: object) -> PlannedRun:
    """A run that fetches `a/small`."""
    return planned_run(bases={"Small": on_hub(revision=revision)}, **study)


def test_what_can_be_read_is_one_line_with_its_licences(hub: FakeHub) -> None:
    hub.models["a/small"] = FakeRepository(license="llama3.2")
    hub.datasets["a/data"] = FakeRepository(revisions={COMMIT: COMMIT}, license="cc-by-4.0")
    assert [str(one) for one in check_access(run(data=ECINSTRUCT))] == [
        f"2 repositories of {hub.url} can be read; licences: cc-by-4.0, llama3.2"
    ]


def test_without_anything_to_fetch_the_hub_is_not_asked(hub: FakeHub) -> None:
    (found,) = check_access(planned_run())
    assert found.severity == "ok"
    assert not hub.received


def test_a_gated_model_without_a_token_names_the_page_and_the_variable(hub: FakeHub) -> None:
    hub.models["a/small"] = FakeRepository(gated=True)
    assert lines(check_access(run())) == [
        "error: bases.Small: a/small is gated, and there is no token: accept its licence at "
        f"{hub.url}/a/small, and set HF_TOKEN to a token of that account, which "
        f"{hub.url}/settings/tokens makes"
    ]


@pytest.mark.parametrize("saved", [False, True])
def test_a_token_without_access_is_told_by_where_it_is_and_never_itself(
    saved: bool, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.models["a/small"] = FakeRepository(gated=True)
    hub.accepted[TOKEN] = set()
    if saved:
        (tmp_path / "token").write_text(TOKEN)
    else:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    (line,) = lines(check_access(run()))
    place = str(tmp_path / "token") if saved else "HF_TOKEN"
    assert f"the account of the token in {place} has no access" in line
    assert TOKEN not in line
    hub.accepted[TOKEN] = {"a/small"}
    assert not lines(check_access(run()))


def test_a_token_that_the_hub_refuses_is_told_once_for_all(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.models["a/small"] = FakeRepository()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert lines(check_access(run(data=ECINSTRUCT))) == [
        f"error: HF_TOKEN: the hub refuses it: make a new one at {hub.url}/settings/tokens"
    ]


@pytest.mark.parametrize("character", ["\v", "\f", "é"])
def test_a_token_that_no_request_can_have_is_refused_and_never_shown(
    character: str, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", f"{TOKEN}{character}x")
    assert lines(check_access(run())) == [
        f"error: HF_TOKEN: the hub refuses it: make a new one at {hub.url}/settings/tokens"
    ]


def test_an_unknown_or_private_repository_names_the_key(hub: FakeHub) -> None:
    hub.models["a/small"] = FakeRepository(private=True)
    expected = [
        "error: bases.Small.id: the hub has no model a/small, or shows it only to others: correct "
        "it or, if the repository is private, set HF_TOKEN"
    ]
    assert lines(check_access(run())) == expected
    del hub.models["a/small"]
    assert lines(check_access(run())) == expected


def test_an_unknown_revision_names_the_key_and_the_page_with_commits(hub: FakeHub) -> None:
    hub.models["a/small"] = FakeRepository()
    assert lines(check_access(run(revision="v2"))) == [
        "error: bases.Small.revision: a/small has no revision v2: take one of "
        f"{hub.url}/a/small/commits/main"
    ]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_is_out_of_order_is_one_line_for_all_repositories(
    status: int, hub: FakeHub
) -> None:
    hub.status = status
    (line,) = lines(check_access(run(data=ECINSTRUCT)))
    assert line.startswith(f"error: {hub.url}: cannot be reached (status {status})")
    assert "bases.Small, studies.shop.data" in line
    assert "--config study=shop -- bases datasets" in line


def test_without_a_connection_a_run_fails_where_weights_are_not_here(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    # Nothing listens at the port of an echo service.
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:7")
    (line,) = lines(check_access(run()))
    assert line.startswith("error: http://127.0.0.1:7: cannot be reached (")
    assert "access and licences are not checked" in line
    assert not hub.received


def test_the_password_of_a_mirror_is_not_shown(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://me:p@ss@127.0.0.1:7/hub")
    (line,) = lines(check_access(run()))
    assert line.startswith("error: http://127.0.0.1:7/hub: cannot be reached (")
    assert "p@ss" not in line
    assert not hub.received


def test_a_hub_that_does_not_answer_is_given_up(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "MOST_SECONDS", 0.05)
    hub.seconds = 0.5
    (line,) = lines(check_access(run()))
    assert f"cannot be reached ({servers.LATE.reason})" in line


@pytest.mark.parametrize(
    "content",
    [b"<html>Log in</html>", b"{}", b"[1]", b"null", b"", b'{"id": "a/small", "createdAt": 5}'],
)
def test_what_is_no_hub_is_not_believed(content: bytes, hub: FakeHub) -> None:
    """A page that a network shows before it lets one through, for example."""
    hub.content = content
    (line,) = lines(check_access(run()))
    assert line.startswith(
        f"error: {hub.url}: cannot be reached (the server that answers is not a hub)"
    )


def test_where_the_hub_is_not_to_be_asked_it_is_not(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (line,) = lines(check_access(run(data=ECINSTRUCT)))
    assert line.startswith(f"error: {hub.url}: cannot be reached (HF_HUB_OFFLINE is set), but")
    assert not hub.received


def test_without_a_connection_weights_in_the_cache_of_the_hub_are_pointed_to(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.status = 503
    snapshot = tmp_path / f"hub/models--a--small/snapshots/{COMMIT}"
    snapshot.mkdir(parents=True)
    (tmp_path / "hub/models--a--small/refs").mkdir()
    (tmp_path / "hub/models--a--small/refs/main").write_text(COMMIT)
    (snapshot / "config.json").write_text("{}")
    assert len(lines(check_access(run()))) == 1
    (snapshot / "model.safetensors").touch()
    _, line = lines(check_access(run()))
    assert line == (
        "warning: bases.Small: its files are in the cache of the hub, but a run asks for its "
        f"commit: without a connection, set it to {{source: path, path: {snapshot}}}"
    )


def test_another_licence_than_the_configured_one_is_a_warning(hub: FakeHub) -> None:
    hub.models["a/small"] = FakeRepository(license="llama3.2")
    hub.datasets["a/data"] = FakeRepository(revisions={COMMIT: COMMIT}, license="CC-BY-4.0")
    made = planned_run(
        bases={"Small": on_hub()},
        licences={"Small": "apache-2.0"},
        data=ECINSTRUCT | {"license": "cc-by-4.0"},
    )
    assert lines(check_access(made)) == [
        f"warning: licenses.Small: apache-2.0, but llama3.2 on {hub.url}: correct it"
    ]
    hub.datasets["a/data"] = FakeRepository(revisions={COMMIT: COMMIT}, license=None)
    assert len(lines(check_access(made))) == 1


def test_an_error_of_ours_is_not_taken_for_a_server_that_does_not_answer() -> None:
    class Broken:
        def ask(self) -> servers.Reply:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        servers.ask_all([Broken()])
