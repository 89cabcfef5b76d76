"""Results go into the cache before a run may delete them."""

import json
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from ecslm.common.errors import InputError
from ecslm.common.results_cache import FINISHED, ROOT_VARIABLE, Entry, ResultsCache
from ecslm.common.workdir import Outputs, work_folder
from ecslm.provenance.dag import Job
from ecslm.provenance.run import keep_results

SEED = Path("results/shop/adapters/Small-EC/seed-1")
MANIFEST = SEED / "manifest.json"
FILES = {
    **{"weights": "adapter_model.safetensors", "config": "adapter_config.json"},
    **{"history": "log.jsonl", "cost": "cost.json"},
}
ACTION = {"step": "train_adapter"}
ORIGIN: dict[str, Any] = {"inputs": {}, "settings": {}, "code": "code:1", "versions": {}}


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study in which one adapter is finished, and the cache has been deleted since."""
    paths = {name: SEED / file for name, file in FILES.items()}
    clocks = {name: paths.pop(name) for name in ("history", "cost")}
    outputs = Outputs(MANIFEST, paths, clocks)
    with monkeypatch.context() as elsewhere, ExitStack() as stack:
        elsewhere.setenv(ROOT_VARIABLE, "elsewhere")
        work = stack.enter_context(work_folder(outputs, ACTION, ORIGIN, {"source": "Small"}))
        made = {name: work.folder / name for name in FILES}
        for name, path in made.items():
            path.write_text(name)
        work.publish(made, {"best_step": 7})


def keep() -> None:
    """As at the start of a run."""
    outputs = {name: (str(SEED / file),) for name, file in FILES.items()}
    outputs["manifest"] = (str(MANIFEST),)
    keep_results([Job("train_adapter", {}, outputs, str(MANIFEST))])


def taken() -> Entry | None:
    key = json.loads(MANIFEST.read_text())["action"]
    return ResultsCache(FINISHED).take(key, FILES, Path("taken"))


def test_results_that_are_not_in_the_cache_are_put_into_it_as_their_job_would() -> None:
    keep()
    (of_job,) = Path("elsewhere").glob("*/*/entry.json")
    (of_run,) = FINISHED.glob("*/*/entry.json")
    found, expected = (json.loads(path.read_text()) for path in (of_run, of_job))
    assert found["files"] == expected["files"]
    # The manifest's own fields, and none that every manifest has.
    assert found["fields"] == {"source": "Small", "best_step": 7}
    entry = taken()
    assert entry is not None
    assert {name: Path("taken", name).read_text() for name in FILES} == {n: n for n in FILES}
    assert (entry.step, entry.made_for) == ("train_adapter", str(MANIFEST))


def test_a_result_that_was_altered_is_never_taken() -> None:
    """Its sha256 is the one of when it was made."""
    (SEED / FILES["weights"]).write_text("other")
    keep()
    assert taken() is None


def test_results_of_which_a_file_is_missing_or_that_have_no_key_are_passed_over() -> None:
    (SEED / FILES["cost"]).rename("aside")
    keep()
    Path("aside").rename(SEED / FILES["cost"])
    content = json.loads(MANIFEST.read_text())
    del content["action"]
    MANIFEST.write_text(json.dumps(content))
    keep()
    assert not FINISHED.exists()


@pytest.mark.parametrize("action", ["../../../../mine", 7])
def test_a_manifest_cannot_name_a_directory_that_is_not_an_entry(action: Any) -> None:
    mine = Path("mine/file")
    mine.parent.mkdir()
    mine.write_text("mine")
    MANIFEST.write_text(json.dumps(json.loads(MANIFEST.read_text()) | {"action": action}))
    with suppress(InputError):
        keep()
    assert mine.read_text() == "mine"
    assert not FINISHED.exists()
