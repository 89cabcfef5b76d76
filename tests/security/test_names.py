"""Names of a configuration become parts of paths, commands and patterns: none can do more."""

import re
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.plans import LOCAL, plan
from support.project import PROMPTS
from support.stated_jobs import all_jobs_of

from ecslm.common.errors import InputError
from ecslm.config.loading import load_config

ATTACKS = (
    *("../outside", "/etc/passwd", "a/b", "..", ".", "", ".hidden", "-rf", "--output=x", "a b"),
    *("a;touch ran", "$(touch ran)", "`touch ran`", "a|b", "a&b", "a'b", 'a"b', "a\nb", "a\n"),
    *("{model}", "{{x}}", "{0.__class__}", "%s", "a*", "a?", "[a]", "~", "a\\b", "\\input{x}"),
    *("<script>", "a\x00b", "a\u202eb", "é", "../../../x", "a/../../b", "C:\\x", "#a", "=1+1"),
)
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


NAMES = {"study": "shop", "task": "PM", "base": "Small", "model": "M", "table": "one"}


def configuration(template: str = "chatml", **names: str) -> dict[str, Any]:
    """A configuration with these names of its study, task, base, model and table."""
    called = NAMES | names
    model, task = called["model"], called["task"]
    table = {"kind": "parameters", "label": "tab:one", "caption": "One", "models": [model]}
    study = {
        **{"title": "A shop", "device": "cpu", "published_comparable": False, "data": LOCAL},
        **{"tasks": [task], "train_setting": "IND", "settings": ["IND"]},
        "models": {model: {"base": called["base"], "template": template, "training": {}}},
        "tables": {called["table"]: table},
    }
    kind = {"title": "Matching", "aliases": ["Matching"], "answer": "yes_no", "metric": "binary_f1"}
    return {
        "study": called["study"],
        "tasks": {task: kind},
        "bases": {called["base"]: {"source": "path", "path": "models/small"}},
        "studies": {called["study"]: study},
    }


@settings(max_examples=30)
@given(st.sampled_from([*NAMES, "template"]), st.sampled_from(ATTACKS) | st.text(max_size=12))
@example("model", "A-1.b_2")
def test_a_name_that_could_lead_elsewhere_or_be_a_command_is_refused(what: str, name: str) -> None:
    try:
        load_config(configuration(**{what: name}), PROMPTS)
    except InputError:
        assert name != "A-1.b_2"
        return
    assert SAFE.fullmatch(name)


def test_no_job_of_a_study_writes_outside_its_results() -> None:
    for job in all_jobs_of(plan()):
        for path in map(Path, job.files):
            assert path.parts[0] == "results" and path.parts[1] in ("shop", "bases")
            assert ".." not in path.parts
