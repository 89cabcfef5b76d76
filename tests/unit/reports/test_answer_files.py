import json
from pathlib import Path

from support.scripts import run_script

from ecslm.common.files import write_json, write_jsonl


def test_files_of_answers_alone_show_constants_and_how_far_models_agree(tmp_path: Path) -> None:
    lists = {"Big": ["no", "yes", "no", "yes"], "Small": [" no", "no", "no", "no"]}
    for model, texts in lists.items():
        (tmp_path / model).mkdir()
        write_json(tmp_path / model / "IND.json", texts)
    (tmp_path / "Small/OOD.json").write_text(json.dumps([]))
    result = run_script("count_answers.py", *sorted(tmp_path.rglob("*.json")), "--yes", 1)
    assert [" ".join(line.split()) for line in result.stdout.splitlines()[1:]] == [
        "Big IND.json 4 2 2 50.0 % 'no'",
        "Small IND.json 4 1 4 100.0 % 'no' constant: always no has F1 0.000",
        "Small OOD.json 0 -- -- -- --",
        "",
        "Model Model Answers to Same answer By chance",
        "Big Small IND.json 50.0 % 50.0 %",
    ]


def test_options_of_predictions_count_as_their_letters_and_settings_apart(tmp_path: Path) -> None:
    answers = [("IND", "A: one"), ("IND", "A: another"), ("OOD", "B"), ("OOD", "Both")]
    rows = [{"setting": setting, "prediction": text} for setting, text in answers]
    write_jsonl(tmp_path / "SR.jsonl", rows)
    result = run_script("count_answers.py", tmp_path / "SR.jsonl")
    assert [line.split()[1:5] for line in result.stdout.splitlines()[1:]] == [
        ["SR.jsonl", "IND", "2", "1"],
        ["SR.jsonl", "OOD", "2", "2"],
    ]
