"""Answers that exist already: matched to the test records by count and place, or refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.model_examples import make_record, read_lines, run_predict

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl
from ecslm.common.manifests import made_from, manifest_of, read_manifest, write_manifest
from ecslm.families.recorded.backend import RecordedSettings
from ecslm.schemas.prediction import ScoredPrediction, read_predictions

IND, OOD = "IND_Diverse_Instruction", "OOD_Diverse_Instruction"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def records(folder: Path, **counts: int) -> Path:
    """A dataset file with some records of each setting, in turns."""
    settings = [name for number in range(9) for name, count in counts.items() if number < count]
    path = folder / "records.jsonl"
    write_jsonl(
        path,
        [
            make_record(number, setting=setting, split="test")
            for number, setting in enumerate(settings)
        ],
    )
    return path


def predicted(
    folder: Path,
    dataset: Path,
    *answers: Path,
    settings: dict[str, Any] | None = None,
    **changes: Any,
) -> list[ScoredPrediction]:
    """The predictions that come out."""
    options = RecordedSettings.model_validate({"backend": "recorded", **(settings or {})})
    output = run_predict(
        folder, None, None, options, dataset=dataset, answers=answers, template=None, **changes
    )
    return read_predictions(output)


def refusal(folder: Path, dataset: Path, *answers: Path, **settings: Any) -> str:
    """The one line that refuses."""
    with pytest.raises(InputError) as caught:
        predicted(folder, dataset, *answers, settings=settings)
    (problem,) = caught.value.problems
    return problem


def lists(folder: Path, **texts: list[Any]) -> list[Path]:
    """A file of texts for each setting."""
    for setting, found in texts.items():
        write_json(folder / f"{setting}.json", found)
    return [folder / f"{setting}.json" for setting in texts]


def lines(folder: Path, rows: list[dict[str, Any]]) -> Path:
    write_jsonl(folder / "PM.jsonl", rows)
    return folder / "PM.jsonl"


# What comes out


@pytest.mark.parametrize("form", ["lists", "lines with ids", "lines"])
@hypothesis_settings(max_examples=8)
@given(data=st.data())
def test_records_have_the_answers_of_their_id_or_of_their_place_in_their_setting(
    tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    """Answers in settings that are not asked for are left out."""
    folder = tmp_path_factory.mktemp("answers")
    counts = {name: data.draw(st.integers(1, 5)) for name in (IND, OOD)}
    dataset = records(folder, **counts)
    answered = [
        {"id": row["id"], "setting": row["setting"], "prediction": data.draw(TEXTS)}
        for row in read_lines(dataset)
    ]
    texts = {
        name: [row["prediction"] for row in answered if row["setting"] == name] for name in counts
    }
    asked = data.draw(st.sampled_from([(IND, OOD), (IND,), (OOD,)]))
    if form == "lists":
        files = lists(folder, **{name: texts[name] for name in asked})
    elif form == "lines":
        rows = [{"setting": name, "prediction": one} for name in (OOD, IND) for one in texts[name]]
        files = [lines(folder, rows)]
    else:
        files = [lines(folder, data.draw(st.permutations(answered)))]
    found = predicted(folder, dataset, *files, settings={"settings": asked})
    expected = [row for row in answered if row["setting"] in asked]
    assert [row.model_dump(include={"id", "setting", "prediction"}) for row in found] == expected


def test_predictions_of_another_run_keep_what_they_say_of_themselves(tmp_path: Path) -> None:
    dataset = records(tmp_path, **{IND: 2})
    (record, _) = read_lines(dataset)
    kept = {name: record[name] for name in ("id", "sample_id", "task", "setting")}
    known = {"prompt_tokens": 7, "generated_tokens": 3, "finish_reason": "length"}
    row = {**kept, "prediction": "no", "reference": record["output"], **known}
    found = predicted(tmp_path, dataset, lines(tmp_path, [row, {"id": "r1", "prediction": "yes"}]))
    said = [one.model_dump(include=set(known)) for one in found]
    assert said == [known, dict.fromkeys(known)]


def test_what_nobody_knows_is_null_and_no_number_is_invented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a device needed, or a library."""
    monkeypatch.setattr("ecslm.families.predict.lease_devices", None)
    dataset = records(tmp_path, **{IND: 2})
    answers = lists(tmp_path, **{IND: ["no", "yes"]})
    (first, _) = predicted(tmp_path, dataset, *answers, device="cuda")
    unknown = {"prompt_sha256", "prompt_tokens", "generated_tokens", "finish_reason"}
    assert first.model_dump(include=unknown) == dict.fromkeys(unknown)
    cost = json.loads((tmp_path / "cost.json").read_text())
    assert {name: value for name, value in cost.items() if value is not None} == {"prompts": 2}
    manifest = read_manifest(tmp_path / "predictions.manifest.json")
    assert set(manifest.inputs) == {str(dataset), *map(str, answers)}
    assert (manifest.versions, manifest.template_sha256) == ({}, None)
    assert manifest.model_dump()["threads"] is None


def test_other_answers_are_never_taken_from_the_cache(tmp_path: Path) -> None:
    dataset = records(tmp_path, **{IND: 1, OOD: 1})
    for texts in ({IND: ["a"], OOD: ["b"]}, {IND: ["b"], OOD: ["a"]}):
        found = predicted(tmp_path, dataset, *lists(tmp_path, **texts))
        assert [row.prediction for row in found] == [*texts[IND], *texts[OOD]]
    # The first of two files of one name.
    dataset = records(tmp_path, **{IND: 2})
    (tmp_path / "other").mkdir()
    last = lines(tmp_path / "other", [{"prediction": "c"}])
    for text in "ab":
        found = predicted(tmp_path, dataset, lines(tmp_path, [{"prediction": text}]), last)
        assert [row.prediction for row in found] == [text, "c"]


# What is refused


def test_lists_of_another_length_or_setting_are_refused_with_the_key_that_leaves_them_out(
    tmp_path: Path,
) -> None:
    (found,) = lists(tmp_path, **{IND: ["no"] * 2})
    problem = refusal(tmp_path, records(tmp_path, **{IND: 3}), found)
    assert problem.startswith(f"{found}: 2 answers of {IND}, for 2 of 3 test records: ")
    dataset = records(tmp_path, **{IND: 2, OOD: 1})
    problem = refusal(tmp_path, dataset, found)
    assert f": 2 answers of {IND}, {OOD}, for 2 of 3 test records: " in problem
    assert problem.endswith(", with `settings`")
    assert len(predicted(tmp_path, dataset, found, settings={"settings": [IND]})) == 2


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"id": "r0"}, {"id": "r0"}], f"2 answers of {IND}, for 1 of 2 test records: "),
        ([{}], f"1 answer of {IND}, for 1 of 2 test records: "),
        ([{"setting": OOD}, {}], f"1 answer of {IND}, for 1 of 2 test records: "),
        ([{}, {"id": "r9"}], f"2 answers of {IND}, for 1 of 2 test records: "),
        ([{"id": f"r{n}"} for n in range(3)], f"3 answers of {IND}, for 2 of 2 test records: "),
        ([{}, {"reference": "maybe"}], "line 2: reference: is not that of the record r1: "),
        ([{"sample_id": "s1"}, {}], "line 1: sample_id: is not that of the record r0: "),
        ([{"options": ["no", "yes"]}, {}], "line 1: options: is not that of the record r0: "),
        ([{"id": "r1"}, {"id": "r0", "task": "AG"}], "line 2: task: is not that of the record r0"),
        ([{}, {"relevance": ["E"]}], "line 2: relevance: is not that of the record r1: "),
    ],
)
def test_answers_of_other_records_are_refused(
    rows: list[dict[str, Any]], words: str, tmp_path: Path
) -> None:
    found = lines(tmp_path, [{"prediction": "no", **row} for row in rows])
    problem = refusal(tmp_path, records(tmp_path, **{IND: 2}), found)
    assert problem.startswith(f"{found}: {words}")


def test_answers_that_were_altered_since_they_were_made_are_refused(tmp_path: Path) -> None:
    found = lines(tmp_path, [{"prediction": "no"}])
    dataset = records(tmp_path, **{IND: 1})
    for manifest in (manifest_of(found), tmp_path / "manifest.json"):
        write_manifest(manifest, made_from([], {}, None, {}), [found])
        assert len(predicted(tmp_path, dataset, found)) == 1
        lines(tmp_path, [{"prediction": "yes"}])
        assert f"{found}: altered: " in refusal(tmp_path, dataset, found)
        manifest.unlink()
        lines(tmp_path, [{"prediction": "no"}])
