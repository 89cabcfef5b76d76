"""Directories of weights are looked at before a run, which would stop at the first that lacks."""

from dataclasses import replace
from pathlib import Path

from support.planned_runs import lines, planned_run

from ecslm.preflight.weights import check_folders

FIX = "put the model there, or set `run: false` for the models on Small"


def test_a_directory_that_is_missing_or_no_model_is_told_with_what_it_lacks(
    tiny_model: Path,
) -> None:
    Path("models").mkdir()
    Path("models/encoder").symlink_to(tiny_model)
    run, folder = planned_run(), Path("models/small")
    of = "error: bases.Small.path: models/small: "
    assert lines(check_folders(run)) == [
        f"{of}no such directory: `path` must be a model directory: {FIX}"
    ]
    folder.mkdir()
    assert lines(check_folders(run)) == [
        f"{of}no *.safetensors: other formats of weights are not supported: {FIX}"
    ]
    (folder / "model.safetensors").symlink_to(tiny_model / "model.safetensors")
    assert lines(check_folders(run)) == [
        f"{of}missing {name}: {FIX}" for name in ("config.json", "tokenizer.json")
    ]
    for name in ("config.json", "tokenizer.json"):
        (folder / name).symlink_to(tiny_model / name)
    assert [str(one) for one in check_folders(planned_run())] == ["here: models/small"]


def test_a_directory_that_was_read_and_is_gone_is_warned_of_where_jobs_load_it(
    tiny_model: Path,
) -> None:
    Path("models").mkdir()
    Path("models/encoder").symlink_to(tiny_model)
    run = planned_run()
    read = replace(run, jobs=tuple(job for job in run.jobs if job.rule != "base_model"))
    assert lines(check_folders(read)) == [
        "warning: bases.Small.path: models/small: no such directory: `path` must be a model "
        "directory: put the model there, unless the cache has the results of all jobs that load it"
    ]
    tables = tuple(job for job in run.jobs if job.rule in ("render_table", "report_page"))
    assert not lines(check_folders(replace(run, jobs=tables)))
