"""Latency: a fixed sample of prompts, each alone in its batch; a manifest without clock values."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import PROMPTS, make_record, prediction_settings, write_records

from ecslm.common.errors import InputError
from ecslm.common.files import read_json
from ecslm.families.backend import AskedModel
from ecslm.families.transformers import generation
from ecslm.families.transformers.backend import loaded_model
from ecslm.families.transformers.generation import Engine
from ecslm.families.transformers.latency import (
    LatencySettings,
    SampleSettings,
    measure_latency,
    sample_of,
)
from ecslm.schemas.cost import LatencyFile
from ecslm.schemas.record import Record
from ecslm.script import Origin

SHORT, LONG = (prediction_settings(decoding={"max_new_tokens": size}) for size in (3, 9))
TASKS = {"AG": LONG, "PM": SHORT}


def records_of(numbers: Sequence[int]) -> list[Record]:
    """Of tasks that take turns."""
    return [make_record(number, split="test") for number in numbers]


def ids(sample: dict[str, list[Record]]) -> set[str]:
    return {record.id for found in sample.values() for record in found}


@given(st.integers(2, 30), st.integers(0, 5), st.sets(st.integers(0, 40), min_size=4))
def test_a_sample_is_spread_evenly_and_depends_on_its_records_and_seed_alone(
    prompts: int, seed: int, numbers: set[int]
) -> None:
    settings, listed = SampleSettings(prompts=prompts, seed=seed), sorted(numbers)
    sample = sample_of(records_of(listed), settings, TASKS)
    assert sample == sample_of(records_of(listed[::-1]), settings, dict(reversed(TASKS.items())))
    there = {task: sum(r.task == task for r in records_of(listed)) for task in TASKS}
    shares = {"AG": prompts - prompts // 2, "PM": prompts // 2}
    assert {task: len(found) for task, found in sample.items()} == {
        task: size for task in TASKS if (size := min(there[task], shares[task]))
    }


@given(st.integers(2, 20), st.integers(100, 200))
def test_one_more_record_takes_the_place_of_one_at_most(prompts: int, new: int) -> None:
    settings = SampleSettings(prompts=prompts)
    before = ids(sample_of(records_of(range(30)), settings, TASKS))
    after = ids(sample_of(records_of([*range(30), new]), settings, TASKS))
    assert after - before <= {f"r{new}"}
    other = SampleSettings(prompts=2, seed=1)
    assert ids(sample_of(records_of(range(40)), other, TASKS)) == {"r10", "r19"}


def test_only_records_that_the_model_is_asked_are_in_the_sample() -> None:
    example = make_record(1, split="test", few_shot_example="An example.")
    with pytest.raises(InputError, match="fewer than two test records"):
        sample_of([*records_of([0]), example], SampleSettings(), TASKS)


def measured(folder: Path, base: Path, adapter: Path | None = None) -> LatencyFile:
    """What is measured of a model in seven records, three of which are texts."""
    output, settings = folder / "latency.json", LatencySettings(prompts=6, tasks=TASKS)
    given = Namespace(code=None, manifest=None, settings=settings)
    measure_latency(
        Origin(given, ()),
        AskedModel(
            model="Tiny",
            base=base,
            adapter=adapter,
            adapter_of="Tiny-EC",
            template=PROMPTS / "alpaca.jinja",
            threads=1,
        ),
        datasets=[write_records(folder / "test.jsonl", 7, split="test")],
        settings=settings,
        output=output,
    )
    return LatencyFile.model_validate(read_json(output))


def test_each_prompt_is_answered_alone_as_its_task_is(
    tmp_path: Path, tiny_base: Path, exact_adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is that of the sample; percentiles are of the answers, and no time counts twice."""
    sizes: list[int] = []
    generate = Engine.generate

    def watched(self: Engine, prompts: Sequence[Sequence[int]], *more: Any) -> Any:
        sizes.append(len(prompts))
        return generate(self, prompts, *more)

    monkeypatch.setattr(Engine, "generate", watched)
    loads: list[Any] = []
    load = generation.load_model
    monkeypatch.setattr(
        generation, "load_model", lambda *options: loads.append(options) or load(*options)
    )
    loaded_model("", lambda: None)
    found = measured(tmp_path, tiny_base, exact_adapter)
    assert len(loads) == 1, "though tasks are answered in several ways"
    sample = sample_of(records_of(range(7)), SampleSettings(prompts=6), TASKS)
    assert [(one.task, one.id) for one in found.answers] == [
        (task, record.id) for task, records in sample.items() for record in records
    ]
    # The first is answered once more, before the others.
    assert sizes == [1] * 7
    longest = {"AG": 9, "PM": 3}
    assert all(0 < (one.generated_tokens or 0) <= longest[one.task] for one in found.answers)
    seconds = sorted(answer.seconds for answer in found.answers)
    assert found.seconds == pytest.approx(sum(seconds))
    assert seconds[2] <= found.p50_seconds <= seconds[3]
    assert seconds[4] <= found.p95_seconds <= seconds[5]
    assert found.load_seconds > 0
    assert found.device is not None and "CPU" in found.device
    # Without clock values.
    manifest = read_json(tmp_path / "latency.manifest.json")
    assert (manifest["files"], manifest["model"], manifest["threads"]) == ({}, "Tiny", 1)
    inputs = tmp_path / "test.jsonl", tiny_base, exact_adapter
    assert set(manifest["inputs"]) == set(map(str, inputs))
    assert {"torch", "peft"} < set(manifest["versions"])
