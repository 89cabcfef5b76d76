"""Broken command lines of scripts, and broken files given to them by hand.

First the same faults for every script, with the options of a real job, of a finished study; then
what users do to the scripts that they run alone.
"""

import argparse
import json
import os
import runpy
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.broken_inputs import assert_refused, nothing_lost
from support.project import SCRIPTS
from support.scratch import list_jobs
from support.scripts import run_script

from ecslm.common.usage import output_file

# What a run sets, so that nobody types it.
OF_RUNS = {"--code", "--content", "--location", "--log", "--template-digest", "--worker-code"}
# Of scripts that no job runs, or not of every study.
BY_HAND: Mapping[str, Sequence[str]] = {
    "archive.py": ["--output", "a.zip"],
    "ask.py": ["--model", "Tiny", "a question"],
    "check_node.py": ["--folder", "."],
    "demo_data.py": ["--output", "rows.jsonl", "--labels", "labels.json"],
    "config_schema.py": ["--output", "schema.json"],
    "diff_results.py": ["before", "after"],
    "summarise.py": ["--settings", "{}", "--results", "results/generated"],
    "fetch_answers.py": ["--archive", "a.tar.gz", "--settings", "{}", "--output", "answers"],
}
# Of which a user may write an empty one; and files beside others, which have what is needed.
MAY_BE_EMPTY = {
    *("--template", "--float-template", "--html-template", "--tex-template", "--style", "--script"),
    *("--other-train", "--datasets", "--train", "--val"),
}
DIRECTORIES = {"--results", "--bases"}
# What these jobs do not read: a table of settings alone, where a node may write, and files that
# LaTeX finds itself.
NOT_READ = {
    ("render_table.py", "--results"),
    ("check_node.py", "--folder"),
    ("report_pdf.py", "--parts"),
}
# A cache that is no directory is not used; a configuration file is another chapter.
OTHERWISE = {"--cache", "--configfile", "--part-of"}
# A job takes a lock that the study's own has left.
LOCKS = ("results/generated/latency/work/",)
BAD = "bad"


@pytest.fixture(scope="module")
def project(completed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of a project with a finished study, and broken files in a directory of it."""
    copy = tmp_path_factory.mktemp("catalogue") / "project"
    shutil.copytree(completed, copy)
    broken = copy / BAD
    (broken / "a directory").mkdir(parents=True)
    (broken / "binary").write_bytes(bytes(range(256)))
    (broken / "empty").touch()
    (broken / "a link").symlink_to("empty")
    os.mkfifo(broken / "a pipe")
    # Unreadable for everybody: permissions do not stop an administrator.
    (broken / "unreadable").symlink_to("unreadable")
    yield copy
    shutil.rmtree(copy)


@pytest.fixture(scope="module")
def commands(project: Path) -> dict[str, list[str]]:
    """The options of a job of each script: of the job that gives the most."""
    from support.completed import script_of, study_options

    found = {path.name: list(BY_HAND.get(path.name, [])) for path in SCRIPTS.glob("*.py")}
    targets = ("all", "export", "latency", "report")
    for study in ("generated", "local"):
        options = ("--dry-run", "--forceall", *study_options(study), "--", *targets)
        for job in list_jobs(project, *options):
            if job.command:
                script, words = script_of(job.command)
                words = without(words, *OF_RUNS)
                found[script] = max(found[script], words, key=len_of_options)
    return found


def len_of_options(words: Sequence[str]) -> int:
    return sum(word.startswith("--") for word in words)


def without(words: Sequence[str], *options: str) -> list[str]:
    """A command line without some options and their values."""
    left, skip = [], False
    for word in words:
        if word.startswith("--"):
            skip = word in options
        if not skip:
            left.append(word)
    return left


def replaced(words: Sequence[str], option: str, value: str) -> list[str]:
    """A command line with another first value of an option."""
    place = words.index(option) + 1
    return [*words[:place], value, *words[place + 1 :]]


def faults(script: str, words: Sequence[str]) -> Iterator[tuple[str, list[str], str]]:
    """What can be wrong with any command line: in words, the options, and a part of the answer."""
    yield "an unknown option", [*words, "--no-such-option"], "--no-such-option: unknown option"
    parser = runpy.run_path(str(SCRIPTS / script))["command_line"]()
    inputs = [a for a in parser._actions if a.type is Path and given(a, words)]
    for action in (action for action in parser._actions if given(action, words)):
        (option,) = action.option_strings
        if action.required:
            yield f"no {option}", without(words, option), f"{option}: missing: "
        if action.choices:
            yield f"an unknown {option}", replaced(words, option, "x"), f"{option}: 'x' is unknown"
        if action.type is int:
            yield f"no number as {option}", replaced(words, option, "x"), f"{option}: 'x' is not"
        if action.type is output_file:
            for name, problem in {
                f"{BAD}/a directory": "is a directory; name a file to write",
                f"{BAD}/empty/x": f"{BAD}/empty is a file, not a directory",
                f"{BAD}/a link": f"{BAD}/a link: is a link to empty: name the file itself",
                f"{BAD}/a pipe": f"{BAD}/a pipe: is a device or a pipe; name a file to write",
                300 * "n": "name too long",
            }.items():
                yield f"{option} {name[:9]}", replaced(words, option, name), problem
            for one in inputs:
                read = words[words.index(one.option_strings[0]) + 1]
                if one.option_strings[0] not in DIRECTORIES | OTHERWISE:
                    yield f"{option} is read", replaced(words, option, read), f"{read} is also"
    for action in inputs:
        if (script, action.option_strings[0]) not in NOT_READ:
            yield from broken_inputs(action.option_strings[0], words)


def given(action: argparse.Action, words: Sequence[str]) -> bool:
    return any(option in words for option in action.option_strings)


def broken_inputs(option: str, words: Sequence[str]) -> Iterator[tuple[str, list[str], str]]:
    """A file to read that cannot be read."""
    if option in OTHERWISE:
        return
    kinds = ["no such file", "unreadable"]
    if option not in DIRECTORIES:
        kinds += ["a directory", "binary", *([] if option in MAY_BE_EMPTY else ["empty"])]
    for kind in kinds:
        yield f"{option} {kind}", replaced(words, option, f"{BAD}/{kind}"), ""


ALL = sorted(path.name for path in SCRIPTS.glob("*.py"))


@pytest.mark.parametrize("script", ALL)
def test_whatever_is_wrong_with_its_options_a_script_says_it_and_loses_nothing(
    script: str, project: Path, commands: dict[str, list[str]]
) -> None:
    with nothing_lost(project, but=LOCKS):
        for fault, words, part in faults(script, commands[script]):
            run = run_script(script, *words, folder=project)
            lines = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
            assert lines, f"{fault}: {run.returncode} {run.stdout[-500:]} {run.stderr[-500:]}"
            assert_refused(run, [part], problems=len(lines))
            assert len(set(lines)) == len(lines), fault


def test_each_script_has_a_command_line_to_break(commands: dict[str, list[str]]) -> None:
    """Of scripts without required options none is needed."""
    for script, words in commands.items():
        parser = runpy.run_path(str(SCRIPTS / script))["command_line"]()
        required = [a for a in parser._actions if a.required and a.option_strings]
        assert words or not required, f"add {script} to BY_HAND"


# Scripts that users run alone.

SA, PM, QPR, AVE, AG, MPC = "SA", "PM", "QPR", "AVE", "AG", "MPC"
YES = {"task": PM, "prediction": "yes", "reference": "yes"}
OPTIONS = ["A: good", "B: bad"]
CHOICE = {"task": SA, "prediction": "A", "reference": "A", "options": OPTIONS}
RANKING = {"task": QPR, "prediction": "A,B", "reference": "A,B", "relevance": ["E", "I"]}
OWN = {"task": SA, "instruction": "Good?", "input": "It shines.", "output": "A"}
DIFFERENCES = {
    "metric": "binary_f1",
    "models": {"A": {"seeds": [0]}, "B": {"seeds": [0]}},
    "contrasts": {
        "ab": {"kind": "models", "pairs": [["A", "B"]], "settings": ["IND_Diverse_Instruction"]}
    },
}
SOURCE = {"source": "path", "path": "rows.jsonl"}
DATASET = {
    "source": SOURCE,
    "aliases": [],
    "answer": "choice",
    "settings": ["IND_Diverse_Instruction"],
}


def lines_of(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def manifest_listing(name: str) -> bytes:
    """A manifest of another result."""
    return lines_of(
        {"inputs": {}, "settings": {}, "code": None, "versions": {}, "files": {name: ""}}
    )


@dataclass(frozen=True)
class Case:
    """A command, the files that it finds, and the words of the lines that refuse it."""

    sentence: str
    script: str
    options: tuple[str, ...]
    words: tuple[str, ...]
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    problems: int = 1


def score(sentence: str, content: bytes, *words: str, **fields: object) -> Case:
    """A case of predictions that cannot be scored."""
    options = tuple(fields.pop("options", ()))  # type: ignore[arg-type]
    files = {"P.jsonl": content, **fields.pop("files", {})}  # type: ignore[dict-item]
    given = ("--predictions", "P.jsonl", *options)
    return Case(sentence, "score.py", given, words, files, **fields)  # type: ignore[arg-type]


def predict(sentence: str, content: bytes, *words: str, options: tuple[str, ...] = ()) -> Case:
    """A case of records that cannot be predicted."""
    given = ("--dataset", "mine.jsonl", "--output", "P.jsonl", *options)
    return Case(sentence, "predict.py", given, words, {"mine.jsonl": content})


def differ(sentence: str, settings: object, *words: str, problems: int = 1) -> Case:
    """A case of models that cannot be compared."""
    where = ("--task", PM, "--results", ".", "--output", "D.json", "--settings")
    text = settings if isinstance(settings, str) else json.dumps(settings)
    return Case(sentence, "differences.py", (*where, text), words, {}, problems)


def dataset(sentence: str, content: bytes | None, *words: str, problems: int = 1) -> Case:
    """A case of data that no dataset file can be made of."""
    options = ("--task", SA, "--split", "test", "--output", "out.jsonl", "--cache", "results/cache")
    files = {} if content is None else {"rows.jsonl": content}
    given = (*options, "--settings", json.dumps(DATASET))
    return Case(sentence, "dataset.py", given, words, files, problems)


BASE = ("--base", "b.json", "--template", "t.jinja")

CASES = (
    # score.py
    score(
        "predictions with a byte order mark",
        b"\xef\xbb\xbf" + lines_of(YES),
        "line 1",
        "byte order mark",
    ),
    score("predictions in UTF-16", json.dumps(YES).encode("utf-16"), "not UTF-8 text", "UTF-8"),
    score(
        "predictions as one JSON list",
        json.dumps([YES]).encode() + b"\n",
        "each line must be one JSON object",
    ),
    score(
        "predictions cut off",
        lines_of(YES)[:-1],
        "no newline at the end",
        "end its last line",
    ),
    score(
        "predictions without a reference",
        lines_of({"prediction": "yes"}),
        "reference",
        "required fields: prediction, reference",
    ),
    score(
        "predictions with a misspelt field",
        lines_of(YES | {"optoins": 1}),
        "unknown field: did you mean `options`?",
    ),
    score("a number as a prediction", lines_of(YES | {"prediction": 1}), "line 1: prediction: "),
    score(
        "predictions without a task",
        lines_of({"prediction": "yes", "reference": "yes"}),
        "task: missing",
        "--task",
    ),
    score("an unknown task", lines_of(YES | {"task": "PMM"}), "PMM", "expected one of", "PM"),
    score(
        "an unknown --task", lines_of(YES), "--task PX", "expected one of", options=("--task", "PX")
    ),
    score(
        "another task than --task",
        lines_of(YES),
        "is 'PM', but the task to score is 'AP'",
        options=("--task", "AP"),
    ),
    score(
        "two tasks in a file",
        lines_of(YES, CHOICE),
        "several in one file",
        "split the file by task",
    ),
    score(
        "an id twice", lines_of(YES | {"id": "a"}, YES | {"id": "a"}), "'a' is already on line 1"
    ),
    score(
        "a reference that is neither yes nor no",
        lines_of(YES | {"reference": "maybe"}),
        "'maybe' is neither yes nor no",
    ),
    score(
        "a choice without options",
        lines_of({k: v for k, v in CHOICE.items() if k != "options"}),
        "options: missing",
    ),
    score(
        "options without letters",
        lines_of(CHOICE | {"options": ["good"]}),
        "'good' lacks its letter",
    ),
    score(
        "two options of one letter",
        lines_of(CHOICE | {"options": ["A: a", "A: b"]}),
        "two options have the same letter",
    ),
    score(
        "a reference that is no option",
        lines_of(CHOICE | {"reference": "C"}),
        "'C' is not one of the record's options",
    ),
    score(
        "a ranking without labels",
        lines_of({k: v for k, v in RANKING.items() if k != "relevance"}),
        "relevance: missing",
    ),
    score(
        "a ranking with too few labels",
        lines_of(RANKING | {"relevance": ["E"]}),
        "has length 1",
        "2 products",
    ),
    score("an unknown label", lines_of(RANKING | {"relevance": ["E", "X"]}), "relevance"),
    score(
        "attributes that are no list",
        lines_of({"task": AVE, "prediction": "", "reference": "{}"}),
        "not a JSON list",
    ),
    score(
        "a text without BERTScore",
        lines_of({"task": AG, "prediction": "a", "reference": "b"}),
        "--bertscore: required",
        "bertscore.py",
    ),
    score(
        "BERTScore of a yes or no",
        lines_of(YES),
        "--bertscore: not used",
        options=("--bertscore", "P.jsonl"),
    ),
    score(
        "side files without an output",
        lines_of(YES),
        "--records: nothing is written without --output",
        options=("--records", "r"),
    ),
    score(
        "an output whose side files belong to another",
        lines_of(YES),
        "m.manifest.json belongs to m.json",
        "another --output",
        options=("--output", "m"),
        files={
            "m.json": b"{}\n",
            "m.manifest.json": manifest_listing("m.json"),
        },
    ),
    score(
        "an output in place of the predictions",
        lines_of(YES),
        "--output: P.jsonl is also --predictions",
        options=("--output", "P.jsonl"),
    ),
    score(
        "settings that are the name of a file",
        lines_of(YES),
        "--settings: 'my.json' is not a JSON object",
        "@my.json",
        options=("--settings", "my.json"),
    ),
    score(
        "settings in a file that is not there",
        lines_of(YES),
        "my.json: no such file",
        options=("--settings", "@my.json"),
    ),
    score(
        "settings that are not JSON",
        lines_of(YES),
        "--settings: ",
        "JSON",
        options=("--settings", "{task: 1}"),
    ),
    score(
        "a metric for another kind of answer",
        lines_of(YES),
        "ndcg cannot score yes_no",
        options=("--settings", '{"task": {"answer": "yes_no", "metric": "ndcg"}}'),
    ),
    # predict.py
    predict(
        "records of one's own without a task",
        lines_of({k: v for k, v in OWN.items() if k != "task"}),
        "task: missing",
        "--task",
        options=("--settings", '{"backend": "recorded"}'),
    ),
    predict(
        "an unknown backend",
        lines_of(OWN),
        "backend",
        "vllm",
        options=("--settings", '{"backend": "vllm"}'),
    ),
    predict("local weights without a prompt", lines_of(OWN), "--template: missing", "transformers"),
    predict(
        "a base that is not there",
        lines_of(OWN),
        "b.json: no such file",
        options=("--base", "b.json", "--template", "mine.jsonl"),
    ),
    predict("a prompt that is not there", lines_of(OWN), "t.jinja: no such file", options=BASE),
    # differences.py and compare.py
    differ(
        "models without outcomes", DIFFERENCES, "metrics/A/seed-0/PM.records.jsonl: no such file"
    ),
    differ(
        "a contrast of a model that is not named",
        DIFFERENCES | {"models": {"A": {"seeds": [0]}}},
        "not in models: B",
    ),
    differ("settings without contrasts", {"metric": "binary_f1", "models": {}}, "contrasts"),
    differ("an unknown metric", DIFFERENCES | {"metric": "f1"}, "metric"),
    Case(
        "differences that are a manifest",
        "compare.py",
        ("--differences", "D.json", "--output", "out"),
        ("D.json",),
        {"D.json": b"{}"},
    ),
    Case(
        "comparisons in place of differences",
        "compare.py",
        ("--differences", "d/D.json", "--output", "d"),
        ("--output: d is the directory of the differences",),
        {"d/D.json": b"[]"},
    ),
    Case(
        "comparisons among other results",
        "compare.py",
        ("--differences", "d/D.json", "--output", "o"),
        ("manifest.json belongs to w.json", "another --output"),
        {
            "d/D.json": b"[]",
            "o/w.json": b"",
            "o/manifest.json": manifest_listing("w.json"),
        },
    ),
    Case(
        "two files of differences of one name",
        "compare.py",
        ("--differences", "d/D.json", "e/D.json", "--output", "o"),
        ("two files have the same name",),
        {"d/D.json": b"[]", "e/D.json": b"[]"},
    ),
    # dataset.py, demo_data.py
    dataset("data that are not there", None, "rows.jsonl", "no such file"),
    dataset("data of another task", lines_of(OWN | {"task": "PM"}), "SA"),
    dataset(
        "data without an input",
        lines_of({k: v for k, v in OWN.items() if k != "input"}),
        "input",
        problems=2,
    ),
    Case(
        "demo data of an unknown task",
        "demo_data.py",
        ("--output", "r.jsonl", "--settings", '{"tasks": {"XX": {"train": 1}}}'),
        ("--settings: tasks.XX",),
    ),
    Case(
        "demo data of no record",
        "demo_data.py",
        ("--output", "r.jsonl", "--settings", '{"train": 0}'),
        ("--settings: train",),
    ),
    # The rest
    Case(
        "a baseline of another kind of answer",
        "score_baseline.py",
        ("--baseline", "always-yes", "--task", SA, "--test", "t.jsonl", "--output", "M.json"),
        ("--baseline always-yes: not applicable to SA", "choose one of"),
        {"t.jsonl": b""},
    ),
    Case(
        "a majority without training",
        "score_baseline.py",
        ("--baseline", "majority", "--task", SA, "--test", "t.jsonl", "--output", "M.json"),
        ("--train: required for majority",),
        {"t.jsonl": b""},
    ),
    Case(
        "one seed as several",
        "score_over_seeds.py",
        (
            "--task",
            PM,
            "--seeds",
            "0",
            "--records",
            "a",
            "--settings",
            '{"metric": "binary_f1"}',
            "--output",
            "M.json",
        ),
        ("--seeds: give two or more different seeds",),
    ),
    Case(
        "fewer files than seeds",
        "score_over_seeds.py",
        (
            "--task",
            PM,
            "--seeds",
            "0",
            "1",
            "--records",
            "a",
            "--settings",
            '{"metric": "binary_f1"}',
            "--output",
            "M.json",
        ),
        ("--records: 1 files for 2 seeds",),
    ),
    Case("results that are not there", "diff_results.py", ("a", "b"), ("a",)),
    Case(
        "a cache of a size that is none",
        "cache.py",
        ("--trim", "-1"),
        ("--trim: '-1' is not a number of gigabytes",),
    ),
    Case(
        "a question beside a file of questions",
        "ask.py",
        ("--model", "M", "--file", "q", "why?"),
        ("--file and --index take the place of a question",),
    ),
    Case(
        "a number that is beside a file",
        "ask.py",
        ("--model", "M", "--file", "q", "--index", "1"),
        ("--index: cannot be given together with --file",),
    ),
    Case(
        "another directory than the project's",
        "why.py",
        (),
        ("resources/prompts: no such directory", "run this in the project's directory"),
    ),
)


@contextmanager
def written(folder: Path, files: Mapping[str, bytes | None]) -> Iterator[None]:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content or b"")
    yield


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_a_command_is_refused_with(case: Case, tmp_path: Path) -> None:
    with written(tmp_path, case.files), nothing_lost(tmp_path):
        run = run_script(case.script, *case.options, folder=tmp_path)
    assert_refused(run, case.words, case.problems)


def test_there_are_thirty_cases_and_no_sentence_twice() -> None:
    assert len({case.sentence for case in CASES}) == len(CASES) >= 30
