"""Revisions that are not pinned are warned of, with the commit to write where it is known."""

from pathlib import Path

import pytest
from support.fake_hub import COMMIT, FakeHub, FakeRepository
from support.planned_runs import lines, on_hub, planned_run

from ecslm.common.files import write_json
from ecslm.models.bases import HubSource
from ecslm.preflight.findings import ok
from ecslm.preflight.revisions import check_revisions

MAIN = on_hub()


def fetched(base: str, source: HubSource) -> None:
    """Write the manifest of a base that is here."""
    manifest = {
        "base": base,
        "source": source.model_dump(),
        "revision": COMMIT,
        "folder": ".",
        "files": dict.fromkeys(("config.json", "tokenizer.json", "model.safetensors"), "0" * 64),
    }
    write_json(Path(f"results/bases/{base}/manifest.json"), manifest)


@pytest.mark.parametrize("gated", [False, True])
def test_the_commit_that_the_hub_has_now_is_named(gated: bool, hub: FakeHub) -> None:
    """Of a gated model too, whose files cannot be read yet."""
    hub.models["a/small"] = FakeRepository(gated=gated)
    run = planned_run(bases={"Small": MAIN})
    assert lines(check_revisions(run)) == [
        f"warning: bases.Small.revision: main may change: set it to {COMMIT}"
    ]


def test_what_is_pinned_is_not_told_of(hub: FakeHub) -> None:
    hub.status = 503
    data = {"source": "hub", "id": "a/data", "revision": COMMIT}
    run = planned_run(bases={"Small": on_hub(revision=COMMIT)}, data=data)
    assert list(check_revisions(run)) == [ok("all weights and data are pinned")]


def test_the_commit_of_weights_that_are_here_is_that_of_their_manifest(hub: FakeHub) -> None:
    fetched("Small", MAIN)
    run = planned_run(bases={"Small": MAIN})
    hub.status = 503
    assert f"warning: bases.Small.revision: main may change: set it to {COMMIT}" in lines(
        check_revisions(run)
    )


def test_revisions_whose_commit_nobody_knows_are_one_line(hub: FakeHub) -> None:
    hub.status = 503
    data = {"source": "hub", "id": "a/data", "revision": "v1"}
    (line,) = lines(check_revisions(planned_run(bases={"Small": MAIN}, data=data)))
    assert line.startswith("warning: bases.Small.revision, studies.shop.data.revision: no commit")


def test_a_local_folder_needs_no_commit(hub: FakeHub) -> None:
    Path("rows").mkdir()
    Path("rows/data.jsonl").write_text("{}\n")
    run = planned_run(data={"source": "hub", "id": "rows", "revision": "main"})
    assert lines(check_revisions(run)) == []
    assert not hub.received
