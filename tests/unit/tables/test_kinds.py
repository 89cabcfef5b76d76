"""Kinds of table: what each has to have, and what its tables know of a study."""

import json
from typing import Any

import pytest
from support.imports import imported_modules
from support.project import ROOT
from support.table_files import IND, request

from ecslm.common.errors import InputError
from ecslm.tables.kind import KINDS, kind_module, read_request, table_kind
from ecslm.tables.references import names_in


def test_each_module_is_a_kind_with_an_entry_and_files_of_the_repository() -> None:
    modules = (ROOT / "scripts/ecslm/tables/kinds").glob("[!_]*.py")
    assert sorted(KINDS) == sorted(path.stem for path in modules)
    for name in KINDS:
        kind = table_kind(name)
        assert kind.entry.model_json_schema()["properties"]["kind"]["const"] == name
        assert kind.entry.__doc__
        assert [path for path in kind.resources.values() if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("name", KINDS)
def test_the_code_of_a_table_holds_that_of_its_own_kind_alone(name: str) -> None:
    found = imported_modules("render_table.py", (kind_module(name),))
    assert {module for module in found if module.startswith("ecslm.tables.kinds.")} == {
        kind_module(name)
    }


def test_an_unknown_kind_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown kind of table result: did you mean `results`"):
        read_request('{"table": {"kind": "result"}, "context": {}}')


def test_a_request_is_validated_by_the_schema_of_its_kind() -> None:
    with pytest.raises(InputError, match=r"--settings: table\.captoin: unknown key"):
        read_request('{"table": {"kind": "validity", "captoin": "x"}, "context": {}}')


def test_a_request_is_the_same_after_it_was_passed_as_json() -> None:
    models = {"Small": {"seeds": [0, 1], "tasks": ["PM"]}}
    entry = {"kind": "validity", "settings": [IND], "columns": ["PM"], "models": ["Small"]}
    made = request(entry, models=models)
    kind, read = read_request(made.model_dump_json())
    assert kind is table_kind("validity")
    assert read.model_dump() == made.model_dump()


def test_a_request_by_hand_may_hold_more_of_the_study_than_its_table_shows() -> None:
    models = {"Small": {"seeds": [0], "tasks": ["PM", "SA"]}, "Other": {"seeds": [0], "tasks": []}}
    entry = {"kind": "validity", "settings": [IND], "columns": ["PM"], "models": ["Small"]}
    made = request(entry, models=models)
    whole = json.loads(made.model_dump_json())
    whole["context"]["models"] = models
    kind, read = read_request(json.dumps(whole))
    assert kind.files(read) == ["metrics/Small/seed-0/PM.json"]


def test_a_table_of_scores_knows_no_cost_of_its_models() -> None:
    adapter = {"architecture": "Small", "rank": 4, "target_modules": ["q_proj"]}
    models = {"Small": {"tasks": ["PM", "SA"], "adapter_of": "Small", "adapter": adapter}}
    entry = {"kind": "validity", "settings": [IND], "columns": ["PM"], "models": ["Small"]}
    small = request(entry, models=models).context.models["Small"]
    assert (small.tasks, small.adapter_of, small.adapter) == (("PM",), None, None)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"setting": 3, "columns": "PM", "rows": {"a": 1}, "reproduces": ["Small"]},
        {"setting": [[]], "columns": [{}], "rows": [3, {"models": 3}], "reproduces": {3: None}},
    ],
)
def test_names_are_looked_for_only_in_what_has_the_right_shape(entry: Any) -> None:
    assert list(names_in(entry, table_kind("results").entry)) == []
