"""What is wrong in a configuration is told all at once, a line each, with its key."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from support.configs import changed, problems, put, small, study_of
from support.project import PROMPTS

from ecslm.schemas.paths import SHARED

ANSWERS = {"backend": "recorded", "path": "answers"}
BASE = {"base": "Small", "template": "chatml"}
SERVER = {"backend": "openai", "template": "chatml"} | {
    "server": {"url": "https://api.example.org/v1", "model": "m"}
}
S = "studies.shop"

# Each edit of the small configuration, and the only line that it gives.
LINES: tuple[tuple[str, Any, str], ...] = (
    # The schema.
    ("studys", {}, "studys: unknown key: did you mean `study`?"),
    (
        ".training.rank",
        "sixteen",
        f"{S}.training.rank: should be a whole number, not 'sixteen'",
    ),
    (
        ".models.Small-EC.training",
        {"dropout": 1.0},
        f"{S}.models.Small-EC.training.dropout: should be less than 1, not 1.0",
    ),
    (".device", "gpu", f"{S}.device: should be 'cpu' or 'cuda', not 'gpu'"),
    (
        ".models.Small.backend",
        "recoded",
        f"{S}.models.Small.backend: unknown backend recoded: did you mean `recorded`?",
    ),
    (
        ".models.A/B",
        BASE,
        f"{S}.models.A/B: should be letters, digits and . _ -, the first a letter or digit, not "
        "'A/B'",
    ),
    (".data.path", " ", f"{S}.data.path: is empty"),
    (".models.Small-EC.seeds", [3, 3], f"{S}.models.Small-EC.seeds: `3` is listed twice"),
    # Fields of one entry that do not fit.
    (
        ".decoding.max_new_tokens",
        500,
        f"{S}.decoding.max_length: should be greater than the 500 tokens of max_new_tokens, not "
        "500",
    ),
    (
        ".models.Small.normalization",
        "bytes",
        f"{S}.models.Small.normalization: only with `answers: likelihood`, not 'bytes'",
    ),
    (
        ".models.Other",
        {"backend": "recorded"},
        f"{S}.models.Other: needs either `path` or `published`",
    ),
    # Entries that do not fit one another.
    ("study", "shoop", "study: shoop is not in studies: did you mean `shop`?"),
    (".tasks", ["PM", "AG", "PM"], f"{S}.tasks: `PM` is listed twice"),
    (".bertscore", None, f"{S}.bertscore: missing: AG is scored with it"),
    (
        ".data",
        {"source": "path", "path": "r", "labels": {"path": "l", "url": "https://e.org/l"}},
        f"{S}.data.labels.sha256: missing: needed to verify the file from `url`",
    ),
    (
        ".models.Small.template",
        "chatlm",
        f"{S}.models.Small.template: chatlm is not in {PROMPTS}: did you mean `chatml`?",
    ),
    (
        ".models.Small.shots",
        1,
        f"{S}.models.Small.shots: 1 needs the 1-shot settings among the study's `settings`",
    ),
    (
        ".models.Small.seeds",
        [0, 1],
        f"{S}.models.Small.seeds: an untuned model with greedy decoding has the single seed 0",
    ),
    (
        ".models.Other",
        SERVER | {"seeds": [1]},
        f"{S}.models.Other.seeds: an untuned model with greedy decoding has the single seed 0",
    ),
    (
        ".models.Small.decoding",
        {"max_length": 90},
        f"{S}.models.Small.decoding.max_length: should be greater than the 90 tokens of "
        "max_new_tokens, not 90",
    ),
    (
        ".models.Small",
        {"base": "Small", "template": "alpaca", "adapter_of": "Small-EC"},
        f"{S}.models.Small.template: is not that of Small-EC, whose adapters it uses",
    ),
    (
        ".models.Other",
        BASE | {"adapter_of": "Small"},
        f"{S}.models.Other.adapter_of: Small is not tuned, or not run: it has no adapters",
    ),
    (
        ".models.Other",
        {"backend": "recorded", "published": "other"},
        f"{S}.models.Other.published: the study has no `answers`, among which they are",
    ),
    (
        ".export",
        {"models": ["Small"]},
        f"{S}.export.models: Small is not in the study's tuned models: did you mean `Small-EC`?",
    ),
    (
        ".tables.wording.contrast",
        "tuning",
        f"{S}.tables.wording.contrast: tuning is not in the study's contrasts of `kind: settings`",
    ),
    (
        ".tables.parameters.models",
        ["Small"],
        f"{S}.tables.parameters.models: Small is not in the study's tuned models: did you mean",
    ),
    (
        ".tables.validity.label",
        "tab:ind",
        f"{S}.tables.validity.label: tab:ind is that of `{S}.tables.ind` too: change one",
    ),
    (
        "tasks.AG.aliases",
        ["Product_Matching"],
        "tasks.AG.aliases: Product_Matching is a name of `tasks.PM.aliases` too, and a row has "
        "one task",
    ),
)


@pytest.mark.parametrize(("path", "value", "line"), LINES, ids=[line for *_, line in LINES])
def test_one_line_tells_what_is_wrong(path: str, value: Any, line: str) -> None:
    (found,) = problems(changed(path, value))
    assert found.startswith(line)


# Names that refer to another part of the configuration.
NAMES = (
    *(".tasks.0", ".bertscore.encoder", ".models.Small.base"),
    *(".comparisons.contrasts.tuning.pairs.0.0", ".comparisons.contrasts.tuning.settings.0"),
    *(".comparisons.contrasts.domain.pairs.0.0", ".comparisons.contrasts.domain.models.0"),
    *(".tables.ind.setting", ".tables.ind.columns.0", ".tables.ind.rows.0.baselines.0"),
    *(
        ".tables.ind.rows.1.models.0",
        ".tables.dataset.tasks.0",
        ".tables.dataset.columns.0.setting",
    ),
    *(".tables.validity.models.0", ".tables.validity.settings.0", ".tables.wording.contrast"),
    *(".tables.comparisons.contrasts.0", ".tables.parameters.models.0"),
)
# Sections that the small configuration lacks, with a name that there is not.
WRONG = {
    ".architectures": {"Smalll": "SmolLM2-360M"},
    ".task_decoding": {"PMM": {}},
    ".export": {"models": ["Small-CE"]},
    ".described_with": "Smal",
    ".tables.reproduction.reproduces": {"Small-CE": "SmolLM2-360M-EC"},
    ".models.Small": BASE | {"adapter_of": "Smal-EC"},
    ".models.Other": ANSWERS | {"tasks": ["PMM"]},
    ".models.Another": ANSWERS | {"settings": ["INDD"]},
    "licenses": {"Smal": "mit"},
}


SECRET = "sk-abc123"
HINT = "unknown key: name the variable that holds it in `access: {key: VARIABLE}`"


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("server.api_key", HINT),
        ("access.api_key", HINT),
        ("token", HINT),
        ("server.api", "should be 'chat' or 'completions'"),
        ("access.key", "should be the name of an environment variable, in capitals, not the key"),
        ("server", "should be a section of keys"),
    ],
)
def test_a_key_of_a_server_is_never_printed_and_its_place_is_named(where: str, line: str) -> None:
    raw = changed(".models.Other", copy.deepcopy(SERVER) | {"access": {}})
    put(raw, f".models.Other.{where}", SECRET)
    assert problems(raw) == (f"{S}.models.Other.{where}: {line}",)


def value_at(raw: Any, path: str) -> Any:
    for key in (f"{S}{path}" if path.startswith(".") else path).split("."):
        raw = raw[int(key) if isinstance(raw, list) else key]
    return raw


@pytest.mark.parametrize(
    ("path", "value"),
    [*WRONG.items(), *((path, f"{value_at(small(), path)}x") for path in NAMES)],
)
def test_a_name_that_refers_to_nothing_is_told_with_its_key_and_the_nearest(
    path: str, value: Any
) -> None:
    found = problems(changed(path, value))
    key = path.rstrip(".0123456789")
    line = next(line for line in found if " is not in " in line)
    assert line.startswith(f"{S}{key}" if path.startswith(".") else key)
    assert ": did you mean `" in line


def sections(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all sections."""
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            yield from sections(inner, f"{path}.{key}" if path else key)


def test_a_key_that_no_section_has_is_told_wherever_it_stands() -> None:
    for path in sections(small()):
        key = f"{path}.zzz" if path else "zzz"
        (line, *_) = problems(changed(key, 1))
        assert line.startswith(f"{key}: ") or key.startswith(f"{S}.task_decoding"), key


@pytest.mark.parametrize(
    "path",
    ["tasks", "settings", "baselines", "models", "tables", "task_decoding", "architectures"],
)
@pytest.mark.parametrize("value", [[{"a": 1}], {"a": [1]}, 3, "word", None, [[]], {1: 2}])
def test_any_wrong_shape_is_told_with_its_key(path: str, value: Any) -> None:
    raw = changed(f".{path}", value)
    assert any(line.startswith(f"{S}.{path}") for line in problems(raw))


def test_what_is_missing_is_told_with_its_path() -> None:
    for key in ("study", "tasks", "bases", "studies"):
        raw = small()
        del raw[key]
        assert f"{key}: missing" in problems(raw)
    raw = small()
    del raw["studies"]["shop"]["models"]["Small"]["base"]
    del raw["tasks"]["PM"]["answer"]
    assert set(problems(raw)) == {f"{S}.models.Small.base: missing", "tasks.PM.answer: missing"}


def test_all_problems_come_in_one_run_cross_references_included() -> None:
    raw = small()
    put(raw, "studys", {})
    put(raw, ".training.rank", 0)
    put(raw, "tasks.PM.titel", "x")
    put(raw, ".models.Small.base", "Smal")
    put(raw, ".models.Small.shots", 2)
    put(raw, ".tables.ind.columns", ["AGG"])
    # An entry of which nothing is left: what refers to it is no further problem.
    del raw["studies"]["shop"]["models"]["Small-EC"]["template"]
    assert set(problems(raw)) == {
        "tasks.PM.titel: unknown key: did you mean `title`?",
        f"{S}.training.rank: should be at least 1, not 0",
        f"{S}.models.Small.shots: should be 0 or 1, not 2",
        f"{S}.models.Small-EC.template: missing",
        f"{S}.models.Small.base: Smal is not in bases: did you mean `Small`?",
        f"{S}.tables.ind.columns: AGG is not in the study's tasks: did you mean `AG`?",
        "studys: unknown key: did you mean `study`?",
    }


def test_a_study_that_does_not_run_is_checked_too() -> None:
    raw = small()
    raw["studies"]["other"] = copy.deepcopy(raw["studies"]["shop"]) | {"tasks": ["PM", "AX"]}
    line = "studies.other.tasks: AX is not in tasks: did you mean `AG`?"
    assert line in problems(raw)


def test_a_problem_in_an_inherited_section_is_told_once_at_its_place() -> None:
    raw = small()
    put(raw, ".training", {"rank": "many", "epohcs": 2})
    put(raw, ".precision", {"dtype": "float16"})
    put(raw, ".decoding", {"max_new_tokens": 0})
    put(raw, ".task_decoding.AG", {"max_length": 10})
    put(raw, ".models.Other-EC", BASE | {"training": {"alpha": 4}})
    lines = problems(raw)
    assert [line.split(": ")[0] for line in lines] == [
        f"{S}.precision.dtype",
        f"{S}.training.rank",
        f"{S}.training.epohcs",
        f"{S}.decoding.max_new_tokens",
        f"{S}.task_decoding.AG.max_length",
    ]


def test_a_broken_item_does_not_make_its_list_too_short() -> None:
    lines = problems(changed(".tables.ind.rows", [{"group": "Ours", "model": ["Small"]}]))
    assert lines == (f"{S}.tables.ind.rows.0.model: unknown key: did you mean `models`?",)
    assert problems(changed(".tables.ind.rows", [])) == (
        f"{S}.tables.ind.rows: should be a list of at least 1",
    )


@pytest.mark.parametrize("name", sorted(SHARED))
def test_a_study_cannot_take_a_directory_that_studies_share(name: str) -> None:
    raw = small()
    raw["studies"][name] = raw["studies"]["shop"]
    (line,) = problems(raw)
    assert (
        line == f"studies.{name}: is the name of a directory that studies share: rename the study"
    )


@pytest.mark.parametrize("model", [ANSWERS, BASE | {"run": False}])
def test_data_are_described_with_a_model_that_is_run_and_has_a_tokenizer(model: Any) -> None:
    raw = changed(".described_with", "Other")
    put(raw, ".models.Other", model)
    (line,) = problems(raw)
    assert line.startswith(f"{S}.described_with: Other is not run, or has no base with a tokenizer")


def test_a_table_of_lengths_in_tokens_needs_a_tokenizer() -> None:
    raw = changed(".models", {"Other": ANSWERS})
    put(raw, ".tables", {"dataset": small()["studies"]["shop"]["tables"]["dataset"]})
    put(raw, ".comparisons", None)
    (line,) = problems(raw)
    assert line.startswith(f"{S}.tables.dataset: shows lengths in tokens, but none of the study's")


def test_a_tuned_model_needs_a_task_that_trains_and_is_shown_no_example() -> None:
    raw = changed(".models.Small-EC.shots", 1)
    assert problems(raw)[0].endswith("no examples: a tuned model has `shots: 0`")
    put(raw, ".models.Small-EC.shots", 0)
    for task in raw["tasks"].values():
        task["train"] = False
    assert problems(raw) == (
        f"{S}.models.Small-EC.training: none of the study's tasks has `train: true`",
    )


def test_answers_can_be_limited_only_where_a_task_has_such_answers() -> None:
    raw = changed(".tasks", ["AG"])
    put(raw, ".models.Small.answers", "constrained")
    assert (
        f"{S}.models.Small.answers: the study has no task whose answers can be limited in this way"
    ) in problems(raw)


def test_likelihood_needs_to_know_what_right_answers_are() -> None:
    raw = changed(".models.Small-likelihood", BASE | {"answers": "likelihood"})
    raw["tasks"]["PM"] |= {"answer": "choice", "metric": "accuracy"}
    line = "tasks.PM.option: missing: letter or text, as right answers are; models with "
    assert problems(raw) == (f"{line}`answers: likelihood` need it",)
    put(raw, "tasks.PM.option", "letter")
    assert study_of(raw).models["Small-likelihood"].limits() is not None


def test_rows_whose_answers_are_limited_do_not_compete() -> None:
    raw = changed(".tables.ind.competitors", ["Small", "Small-EC"])
    put(raw, ".models.Small.answers", "likelihood")
    line = (
        f"{S}.tables.ind.competitors: {{}} does not compete: its answers are limited to valid ones"
    )
    assert problems(raw) == (line.format("Small"),)
    put(raw, ".tables.ind.competitors", ["Best", "Small-EC"])
    best = {"group": "Best", "best_of": {"Best": ["Small", "Small-EC"]}}
    raw["studies"]["shop"]["tables"]["ind"]["rows"].append(best)
    assert problems(raw) == (line.format("Best"),)
