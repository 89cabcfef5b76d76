"""What SLURM would refuse, and what nodes lack, is a line each; a node is tried last."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.planned_runs import lines, planned_run
from support.plans import MODELS
from support.project import ROOT
from support.slurm_commands import Slurm

from ecslm.common.errors import InputError
from ecslm.common.locks import held
from ecslm.preflight import cluster
from ecslm.preflight.cluster import ask_slurm, check_cluster, minutes_of, problems_here
from ecslm.preflight.findings import PlannedRun
from ecslm.preflight.profiles import Profile


@pytest.fixture(autouse=True)
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """A cluster of one node, which is this machine."""
    Path("scripts").symlink_to(ROOT / "scripts")
    return Slurm(tmp_path / "bin", monkeypatch)


def profile(at_once: int = 1, *grouped: str, **resources: str) -> Profile:
    defaults = {"slurm_partition": "gpu"}
    return Profile("slurm", "slurm", at_once, defaults, resources, frozenset(grouped))


def left_behind() -> set[str]:
    """What is in `results` but the rows that planning has indexed."""
    return {path.name for path in Path("results").iterdir()} - {"cache"}


@cache
def planned(*tasks: str) -> PlannedRun:
    """A run of one tuned model or, on some tasks, of one that is not."""
    untuned = {"tasks": list(tasks), "models": {"Small": MODELS["Small"]}}
    return planned_run(profile(), **untuned if tasks else {})


def told(chosen: Profile | None = None, *tasks: str) -> list[str]:
    return lines(check_cluster(replace(planned(*tasks), profile=chosen or profile())))


def test_each_rule_is_judged_by_what_it_asks_for_and_each_place_tried_once(slurm: Slurm) -> None:
    chosen = {"train_adapter:gpu_model": "h100", "train_adapter:slurm_extra": "--exclude='n 2'"}
    run = planned_run(profile(**chosen, **{"predict:mem_mb": "7"}), gpus=2)
    assert lines(check_cluster(run)) == []
    training, predictions = slurm.asked("sbatch")
    assert training.startswith("--test-only --export=ALL --partition=gpu --time=")
    assert training.endswith(" --exclude=n 2 --gpus=h100:2 --wrap=true")
    assert predictions.endswith(" --mem=7 --gpus=1 --wrap=true")
    tried = [line.partition(" -- ")[0] for line in slurm.asked("srun")]
    assert [line.partition("--chdir=")[2].split(" ", 1)[1] for line in tried] == [
        "--partition=gpu --exclude=n 2 --gpus=h100:1",
        "--partition=gpu --gpus=1",
    ]
    assert not left_behind()


@pytest.mark.parametrize("at_once", [1, 2])
def test_predictions_of_one_model_and_seed_ask_together(slurm: Slurm, at_once: int) -> None:
    for grouped in ((), ("predict",)):
        asked = {"predict:runtime": "20", "predict:mem_mb": "100"}
        assert told(profile(at_once, *grouped, **asked), "PM", "SA", "QPR") == []
    one, together = slurm.asked("sbatch")
    assert "--time=20 --mem=100 --gpus=1 " in one
    time = 60 if at_once == 1 else 40
    assert f"--time={time} --mem={100 * at_once} --gpus={at_once} " in together


def test_what_slurm_refuses_is_a_line_with_its_reason_and_no_job_is_sent(slurm: Slurm) -> None:
    slurm.fails("sbatch", "sbatch: error: invalid partition specified: gpu\nallocation failure: no")
    for line, rule in zip(told(), ("train_adapter", "predict"), strict=True):
        assert line.startswith(f"error: profiles/slurm/config.yaml: resources of {rule}: SLURM wo")
        assert "invalid partition specified: gpu; allocation failure: no): correct" in line
        assert f"`{rule}:runtime=`" in line
    slurm.make("sbatch", "")
    slurm.make("sinfo", "echo '3:00 cpu'; echo '2:00 gpu*'")
    assert all("(jobs of the partition may take 3 minutes)" in line for line in told())
    assert set(slurm.asked("sinfo")) == {"--noheader --format=%l %P --partition=gpu"}
    # Without a partition they go to the default one.
    default = replace(profile(), defaults={})
    assert all("may take 2 minutes)" in line for line in told(default))
    assert slurm.asked("srun") == []


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59))
def test_time_limits_are_read_as_sinfo_writes_them(days: int, hours: int, minutes: int) -> None:
    expected = (days * 24 + hours) * 60 + minutes + 0.5
    assert minutes_of(f"{days}-{hours:02}:{minutes:02}:30") == expected
    assert minutes_of(f"{minutes}:00") == minutes
    assert minutes_of("infinite") > expected


def test_a_cluster_that_cannot_be_asked_is_one_line(slurm: Slurm) -> None:
    slurm.make("sinfo", "echo no controller >&2; exit 1")
    with pytest.raises(InputError, match=r"^no controller$"):
        told()
    with pytest.raises(InputError, match=r"^no answer within 0\.1 seconds"):
        ask_slurm("sleep 9", 0.1)


@pytest.mark.parametrize(
    ("on_node", "words"),
    [
        ({"before": "echo a prologue; echo a prologue >&2"}, None),
        ({"before": 'rm "$folder/lock"'}, "results is another folder there than here: put it"),
        (
            {"before": 'cp "$folder/lock" "$folder/l"; mv "$folder/l" "$folder/lock"'},
            "could be taken",
        ),
        (
            {"starts": "echo no such folder >&2; exit 1"},
            "no such folder): put the project with its",
        ),
        ({"starts": "echo Requested nodes are busy >&2; exit 1"}, "none was free in time"),
    ],
)
def test_what_a_node_lacks_is_told(
    on_node: dict[str, str], words: str | None, slurm: Slurm
) -> None:
    slurm.runs_jobs(**on_node)
    found = told()
    assert len(found) == (words is not None)
    assert words is None or words in found[0]
    assert not left_behind()


def test_gpus_are_looked_for_where_jobs_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "read_driver", lambda: None)
    with held(tmp_path / "lock", "lock", wait=False):
        assert list(problems_here(tmp_path, on_gpu=False)) == []
        (line,) = problems_here(tmp_path, on_gpu=True)
    assert line.startswith("a job sees no NVIDIA GPU there")
