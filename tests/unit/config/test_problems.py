"""What is wrong in a configuration is told all at once, a line each, with its key."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.configs import at, changed, loaded, paths, problems, put, small

from ecslm.common.errors import InputError
from ecslm.config.schema import Config

S = "studies.shop"
BASE = {"base": "Small", "template": "chatml"}
ANSWERS = {"backend": "recorded", "path": "answers"}
SERVER = {"backend": "openai", "template": "chatml"} | {
    "server": {"url": "https://api.example.org/v1", "model": "m"}
}
SERVED = {"backend": "openai", "template": "chatml", "exported": "Small-EC"} | {
    "serve": "vllm serve {model} --port {port}"
}

# Edits of the small configuration, of which keys with a dot in front are in its study, and how the
# only line about them begins; ^ stands for the first of the edited keys.
CASES = """
studys: {}  -> ^: unknown key: did you mean `study`?
.training.rank: sixteen  -> ^: should be a valid integer
.models.Small-EC.training.dropout: 1.0  -> ^: should be less than 1, not 1.0
.device: gpu  -> ^: should be 'cpu' or 'cuda', not 'gpu'
.models.Small.backend: recoded  -> .models.Small: 'backend' should be one of 'transformers', 'rec
.models.Small-EC.seeds: [3, 3]  -> ^: `3` is listed twice
.tables.ind.rows: []  -> ^: should be a list of at least 1
# Fields that do not fit one another.
.models.Other: {backend: recorded}  -> ^: needs either `path` or `published`
.models.Other: {<<: *served, exported: null}  -> ^: `serve` and `exported` need each other
.models.Other: {<<: *served, <<: *server}  -> ^: needs either `server` or `serve`
.models.Other: {<<: *served, serve: vllm serve m}  -> ^.serve: needs {model} and {port}
.models.Small-EC.adapter_of: Small-EC, .title: T  -> .models.Small-EC: needs either `training`
.models.Small-EC.shots: 1, .title: T  -> .models.Small-EC: training records have no examples
# Entries that do not fit one another.
study: shoop  -> ^: shoop is not in studies: did you mean `shop`?
studies.bases: *shop  -> ^: is the name of a directory that studies share: rename the study
.bertscore: null  -> ^: missing: AG is scored with it
.data.labels: {path: l, url: "https://e.org/l"}  -> ^.url: needs `sha256` to verify
.models.always-yes: *base  -> ^: is also the name of a baseline
.models.Small.shots: 1  -> .models.Small: no task and setting of the study
.models.Small.seeds: [0, 1]  -> ^: an untuned model with greedy decoding has the single seed 0
.models.Small.seeds: [0, 1], .decoding.sample: true, .models.Small.decoding: {sample: false}  -> \
^: an untuned model with greedy decoding
.models.Other: {<<: *server, seeds: [1]}  -> ^.seeds: an untuned model with greedy decoding has
.decoding.max_new_tokens: 500  -> .decoding.max_length: should be greater than the 500
.task_decoding.AG.max_length: 50  -> ^: should be greater than the 90 tokens of max_new_tokens
.models.Other: {<<: *base, adapter_of: Small-EC, seeds: [7]}  -> ^.seeds: Small-EC has no
.models.Other: {<<: *base, adapter_of: Small}  -> ^.adapter_of: Small is not in tuned models
.models.Other: {<<: *served, template: alpaca}  -> ^.template: Small-EC, which is served, has
.models.Other: {backend: recorded, published: other}  -> ^.published: the study has no `answers`
.described_with: Other, .models.Other: {<<: *base, run: false}  -> ^: Other is not in \
models with a base: expected one of Small, Small-EC
.models: {Other: *answers}, .comparisons: null, .tables: {dataset: *dataset}  -> .tables.dataset: \
needs a model with a base
.tasks: [AG], .models.Small.answers: constrained, .tables: {}, .comparisons: null  -> \
.models.Small: no task and setting
.models.Other: {<<: *base, answers: likelihood}, tasks.PM: *choice  -> .models.Other.answers: like
"""
SHARED = {
    "dataset": small()["studies"]["shop"]["tables"]["dataset"],
    **{"base": BASE, "answers": ANSWERS, "server": SERVER, "served": SERVED},
    "shop": small()["studies"]["shop"],
    "choice": {"answer": "choice", "metric": "accuracy", "title": "A choice", "aliases": []},
}


def cases() -> Iterator[tuple[dict[str, Any], str]]:
    """The edits and the line of each case."""
    for case in CASES.replace("\\\n", "").strip().splitlines():
        edits, _, line = case.partition("  -> ")
        if line:
            used = [name for name in SHARED if f"*{name}" in edits]
            anchors = "".join(f"{name}: &{name} {json.dumps(SHARED[name])}, " for name in used)
            found = yaml.safe_load(f"{{{anchors}{edits}}}")
            yield {key: found[key] for key in found if key not in SHARED}, line


@pytest.mark.parametrize(("edits", "line"), list(cases()))
def test_one_line_tells_what_is_wrong(edits: dict[str, Any], line: str) -> None:
    raw = small()
    for path, value in edits.items():
        put(raw, path, value)
    start = line.replace("^", next(iter(edits)))
    start = f"{S if start.startswith('.') else ''}{start}"
    # Where several keys are edited, further lines may be about the others.
    found = [one for one in problems(raw) if len(edits) == 1 or one.startswith(start)]
    assert [one.startswith(start) for one in found] == [True], found


# Names that refer to another part of the configuration, of which there is one of each kind.
NAMES = """
.tasks.0 .bertscore.encoder .models.Small.base .models.Small.template .tables.ind.columns.0
.comparisons.contrasts.tuning.pairs.0.0 .comparisons.contrasts.domain.pairs.0.0
.comparisons.contrasts.domain.models.0 .tables.dataset.columns.0.setting .tables.wording.contrast
.tables.ind.setting .tables.ind.rows.0.baselines.0 .tables.comparisons.contrasts.0
"""
# Sections that the small configuration lacks, with a name that there is not.
WRONG = {
    ".task_decoding": {"PMM": {}},
    ".described_with": "Smal",
    ".export": {"models": ["Small-CE"]},
    "licenses": {"Smal": "mit"},
}


SECRET = "sk-abc123"
HINT = "unknown key: name the variable that holds it in `access: {key: VARIABLE}`"


def test_a_key_of_a_server_is_never_printed_and_its_place_is_named() -> None:
    for where, line in {
        "server.api_key": HINT,
        "access.api_key": HINT,
        "token": HINT,
        "server.api": "should be 'chat' or 'completions'",
        "access.key": "should be the name of an environment variable, in capitals, not the key",
        "server": "should be a valid dictionary or instance of ServerSettings",
    }.items():
        raw = changed(".models.Other", copy.deepcopy(SERVER) | {"access": {}})
        put(raw, f".models.Other.{where}", SECRET)
        assert problems(raw) == (f"{S}.models.Other.{where}: {line}",)


def test_a_name_that_refers_to_nothing_is_told_with_its_key_and_the_nearest() -> None:
    study = small()["studies"]["shop"]
    misspelt = {path: f"{at(study, path[1:].split('.'))}x" for path in NAMES.split()}
    for path, value in (WRONG | misspelt).items():
        line = next(line for line in problems(changed(path, value)) if " is not in " in line)
        key = path.rstrip(".0123456789")
        assert line.startswith(f"{S}{key}" if path.startswith(".") else key), path
        assert ": did you mean `" in line, path


def test_a_key_that_no_section_has_is_told_wherever_it_stands() -> None:
    raw, every = small(), [(), *paths(small())]
    # Of names that somebody gives any is one.
    sections = [path for path in every if isinstance(at(raw, path), dict) and not named(path)]
    for path in sections:
        at(raw, path)["zzz"] = 1
    told = {line.partition(": ")[0] for line in problems(raw)}
    assert {".".join(map(str, (*path, "zzz"))) for path in sections} <= told


def named(path: tuple[Any, ...]) -> bool:
    """Whether the keys of a section are names."""
    return path[-1:] in [("task_decoding",), ("architectures",), ("setting_titles",)]


WRONG_VALUES = (None, "", -1, 10**30, float("nan"), True, [], {}, [{"a": [1]}], {1: {"a": 2}})
HOSTILE = ("x" * 300, "..", "/etc/passwd", "-x", "a\nb", "\x1b[31m", "{{ x }}", "$(x)", "é")


@settings(max_examples=20)
@given(
    st.sampled_from(sorted(paths(small()), key=str)),
    st.sampled_from(["left out", *WRONG_VALUES, *HOSTILE]),
)
def test_any_broken_value_is_refused_in_lines_or_taken(path: tuple[Any, ...], value: Any) -> None:
    raw = small()
    here, last = at(raw, path[:-1]), path[-1]
    if value == "left out":
        del here[last]
    else:
        here[last] = value
    try:
        loaded(raw)
    except InputError as error:
        assert error.problems
        for line in error.problems:
            key, _, problem = line.partition(": ")
            assert key.split(".")[0] in {*raw, *Config.model_fields} and problem


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
    # A study that does not run is checked too.
    raw["studies"]["other"] = small()["studies"]["shop"] | {"tasks": ["PM", "AX"]}
    assert {line for line in problems(raw) if not line.startswith("studies.other.tables")} == {
        "studies.other.tasks.1: AX is not in registered tasks: did you mean `AG`?",
        "tasks.PM.titel: unknown key: did you mean `title`?",
        f"{S}.training.rank: should be greater than or equal to 1, not 0",
        f"{S}.models.Small.shots: should be 0 or 1, not 2",
        f"{S}.models.Small-EC.template: missing",
        f"{S}.models.Small.base: Smal is not in bases: did you mean `Small`?",
        f"{S}.tables.ind.columns.0: AGG is not in tasks: did you mean `AG`?",
        "studys: unknown key: did you mean `study`?",
    }
