"""Names of a configuration become parts of paths, commands and patterns: none can do more."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
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
MODEL = {"base": "Small", "template": "chatml", "training": {}}
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def configuration() -> dict[str, Any]:
    return {
        "study": "shop",
        "tasks": {
            "PM": {
                **{"title": "Matching", "aliases": ["Product_Matching"]},
                **{"answer": "yes_no", "metric": "binary_f1"},
            }
        },
        "bases": {"Small": {"source": "path", "path": "models/small"}},
        "studies": {
            "shop": {
                **{"title": "A shop", "device": "cpu", "published_comparable": False},
                **{"data": LOCAL, "tasks": ["PM"], "train_setting": "IND"},
                **{"settings": ["IND"], "models": {"M": MODEL}},
                "tables": {
                    "one": {
                        **{"kind": "parameters", "label": "tab:one", "caption": "One"},
                        "models": ["M"],
                    }
                },
            }
        },
    }


def renamed(what: str, name: str) -> dict[str, Any]:
    """The configuration with another name of a study, model, task, table or base."""
    raw = copy.deepcopy(configuration())
    study = raw["studies"]["shop"]
    if what == "study":
        raw["studies"] = {name: study}
        raw["study"] = name
    elif what == "task":
        raw["tasks"] = {name: raw["tasks"]["PM"]}
        study["tasks"] = [name]
    elif what == "base":
        raw["bases"] = {name: raw["bases"]["Small"]}
        study["models"]["M"]["base"] = name
    elif what == "model":
        study["models"] = {name: study["models"]["M"]}
        study["tables"]["one"]["models"] = [name]
    else:
        study["tables"] = {name: study["tables"]["one"]}
    return raw


KINDS = ("study", "task", "base", "model", "table")


@given(what=st.sampled_from(KINDS), name=st.sampled_from(ATTACKS) | st.text(max_size=12))
def test_a_name_that_could_lead_elsewhere_or_be_a_command_is_refused(what: str, name: str) -> None:
    assert load_config(renamed(what, "A-1.b_2"), PROMPTS)
    try:
        load_config(renamed(what, name), PROMPTS)
    except InputError:
        return
    assert SAFE.fullmatch(name)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_prompt_template_is_one_of_the_projects_folder(name: str) -> None:
    raw = configuration()
    raw["studies"]["shop"]["models"]["M"]["template"] = name
    with pytest.raises(InputError):
        load_config(raw, PROMPTS)


def test_no_job_of_a_study_writes_outside_its_results() -> None:
    for job in all_jobs_of(plan()):
        for path in map(Path, job.files):
            assert path.parts[0] == "results" and path.parts[1] in ("shop", "bases")
            assert ".." not in path.parts
