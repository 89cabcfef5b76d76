"""Kinds of table: what each has to have, and that a new one is a module and a template."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.imports import imported_modules
from support.project import PROMPTS, REPORT, ROOT
from support.table_files import IND, TASKS, request

from ecslm.common.errors import InputError
from ecslm.config.loading import load_config
from ecslm.tables.kind import Kind, kind_module, kind_names, read_request, table_kind, table_kinds
from ecslm.tables.references import names_in


@pytest.mark.parametrize("name", kind_names())
def test_a_kind_has_its_own_entry_template_and_files_of_the_repository(name: str) -> None:
    kind = table_kind(name)
    assert isinstance(kind, Kind)
    assert kind.entry.model_json_schema()["properties"]["kind"]["const"] == name
    assert kind.entry.__doc__
    assert (REPORT / f"{name}.tex.jinja").is_file()
    assert [path for path in kind.resources.values() if not (ROOT / path).is_file()] == []


def test_the_order_of_kinds_in_the_report() -> None:
    kinds = table_kinds()
    assert sorted(kinds, key=lambda name: kinds[name].place) == [
        *("claims", "cost", "parameters", "dataset", "results", "instructions", "comparisons"),
        *("validity", "reproduction"),
    ]


@pytest.mark.parametrize("name", kind_names())
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


def test_a_model_that_only_reproduces_a_row_is_no_part_of_the_table() -> None:
    models = {name: {"seeds": [0], "tasks": ["PM"]} for name in ("Small", "Other")}
    entry = {
        "kind": "reproduction",
        "settings": {IND: "IND"},
        "columns": ["PM"],
        "models": ["Small"],
        "reproduces": {"Small": "Small-EC", "Other": "Other-EC"},
    }
    assert list(request(entry, models=models).context.models) == ["Small"]


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


@pytest.mark.parametrize("kind", ["prices", 3, None])
def test_an_entry_of_an_unknown_kind_is_one_problem_of_the_configuration(kind: Any) -> None:
    (problem,) = problems_of_an_entry(kind)
    assert problem.startswith("studies.shop.tables.a.kind: ")


def problems_of_an_entry(kind: Any) -> tuple[str, ...]:
    config = configured()
    entry = {"kind": kind, "caption": "A caption", "label": "tab:a", "models": ["Unknown"]}
    config["studies"]["shop"]["tables"] = {"a": entry}
    with pytest.raises(InputError) as caught:
        load_config(config, PROMPTS)
    return caught.value.problems


# A kind that does not exist: its module, its template, and a file of the repository of its own.
MODULE = '''
"""Prices of models."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from ecslm.common.csv_rows import read_csv
from ecslm.tables.kind import Kind
from ecslm.tables.model import HeaderCell, Panel, Row, RowGroup, Table, number_cell
from ecslm.tables.references import ModelName, TaskName
from ecslm.tables.requests import TableRequest, metric_files
from ecslm.tables.settings import Entry
from ecslm.tables.sources import Sources


class PricesEntry(Entry):
    """Prices."""

    kind: Literal["prices"]
    models: tuple[ModelName, ...] = Field(description="Models, in order.")
    tasks: tuple[TaskName, ...] = Field(description="Task codes.")


def problems(request, resources):
    known = {row["model"] for row in read_csv(resources["prices"], ("model", "price"))}
    return [f"models: {one} has no price" for one in request.table.models if one not in known]


def build(name: str, request: TableRequest[PricesEntry], sources: Sources) -> Table:
    entry = request.table
    prices = {row["model"]: row["price"] for row in read_csv(sources.require("prices"), ())}
    rows = tuple(
        Row(one, "model", (number_cell(float(prices[one]), prices[one], ()),))
        for one in entry.models
    )
    panel = Panel("", "Model", (HeaderCell("price", "Price"),), (RowGroup("", rows),))
    return Table(name, entry.kind, entry.caption, entry.label, (panel,))


KIND = Kind(
    entry=PricesEntry,
    place=35,
    build=build,
    files=lambda request: metric_files(request.context),
    resources={"prices": Path("resources/prices.csv")},
    problems=problems,
)
'''
TEMPLATE = """<% for row in panel.groups[0].rows %>
<< row.name >><< row.cells >> \\\\
<% endfor %>
"""
# What is asked of the copied project: it prints the problems of a configuration, or the request.
ASK = """
import json, sys
from pathlib import Path
from ecslm.common.errors import InputError
from ecslm.config.loading import load_config
from ecslm.plan.checks import check_named_files
from ecslm.plan.study import Study
from ecslm.plan.parameters import json_parameter
from ecslm.plan.tables import in_report_order, kind_of, table_resources, table_settings
try:
    config = load_config(json.loads(Path("config.json").read_text()), Path("resources/prompts"))
    plan = Study(config)
    check_named_files(plan)
except InputError as error:
    sys.exit("\\n".join(error.problems))
settings = table_settings(plan, "costs")
found = {
    "inputs": list(kind_of(plan, "costs").files(settings)),
    "options": table_resources(plan, "costs"),
    "settings": json_parameter(settings),
    "order": in_report_order(plan),
}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with one more kind."""
    project = tmp_path_factory.mktemp("extended")
    for folder in ("scripts", "report", "resources"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, project / folder, ignore=ignored)
    shutil.copy(ROOT / "requirements.lock", project)
    (project / "scripts/ecslm/tables/kinds/prices.py").write_text(MODULE)
    (project / "report/prices.tex.jinja").write_text(TEMPLATE)
    (project / "resources/published/study.csv").write_text("table,model,doubled,PM\n")
    (project / "resources/prices.csv").write_text("model,price\nSmall,0.25\n")
    # Of no task but that of the configuration below.
    (project / "resources/published/study.csv").write_text("table,model,doubled,PM\n")
    return project


def configured(**changes: Any) -> dict[str, Any]:
    """A configuration with a table of the new kind, and two others around it in the report."""
    head = {"caption": "A caption", "label": "tab:costs"}
    columns = {"columns": ["PM"], "models": ["Small"]}
    study = {
        "title": "A shop",
        "device": "cpu",
        "published_comparable": False,
        "data": {"source": "hub", "id": "a/shop", "revision": "main"},
        "tasks": ["PM"],
        "train_setting": IND,
        "settings": [IND],
        "models": {name: {"base": "Small", "template": "chatml"} for name in ("Small", "Unpriced")},
        "tables": {
            "a": {"kind": "validity", "settings": [IND], **columns, **head, "label": "tab:a"},
            "costs": {"kind": "prices", "models": ["Small"], "tasks": ["PM"], "wide": True}
            | {**head, **changes},
            "z": {
                "kind": "results",
                "setting": IND,
                "columns": ["PM"],
                "rows": [{"group": "Ours", "models": ["Small"]}],
                **head,
                "label": "tab:z",
            },
        },
    }
    task = {"title": TASKS["PM"]["title"], "aliases": [], "answer": "yes_no", "metric": "binary_f1"}
    return {
        "study": "shop",
        "tasks": {"PM": task},
        "bases": {"Small": {"source": "hub", "id": "a/small", "revision": "main"}},
        "studies": {"shop": study},
    }


def asked(project: Path, config: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (project / "config.json").write_text(json.dumps(config))
    return subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=project,
        env={"PYTHONPATH": str(project / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_module_and_a_template_are_a_new_kind_of_table(extended: Path) -> None:
    run = asked(extended, configured())
    assert run.stderr == ""
    found = json.loads(run.stdout)
    # The first is the project's own, for scores that no table of the study shows.
    assert found["order"] == ["scores_IND_Diverse_Instruction", "z", "costs", "a"]
    assert found["inputs"] == ["metrics/Small/seed-0/PM.json"]
    assert found["options"] == {"prices": "resources/prices.csv"}
    metrics = extended / "results/shop" / found["inputs"][0]
    metrics.parent.mkdir(parents=True)
    metrics.write_text("{}")
    command = [
        *(sys.executable, "scripts/render_table.py", "--table", "costs"),
        *("--template", "report/prices.tex.jinja", "--float-template", "report/float.tex.jinja"),
        *("--results", "results/shop", "--tabular", "costs.tabular.tex"),
        *("--prices", found["options"]["prices"]),
        *("--settings", found["settings"], "--tex", "costs.tex", "--json", "costs.json"),
    ]
    subprocess.run(command, cwd=extended, check=True)
    assert "\nSmall & 0.25 \\\\\n" in (extended / "costs.tabular.tex").read_text()
    assert "\\begin{table*}" in (extended / "costs.tex").read_text()
    assert json.loads((extended / "costs.json").read_text())["kind"] == "prices"
    assert list(json.loads((extended / "costs.manifest.json").read_text())["inputs"]) == [
        *(f"results/shop/{path}" for path in found["inputs"]),
        *("report/prices.tex.jinja", "report/float.tex.jinja", "resources/prices.csv"),
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"modles": []}, "modles: unknown key: did you mean `models`?"),
        ({"models": ["Smal"]}, "models: Smal is not in the study's models: did you mean `Small`?"),
        ({"models": ["Unpriced"]}, "models: Unpriced has no price"),
    ],
)
def test_what_is_wrong_in_an_entry_of_a_new_kind_is_told_as_in_any(
    extended: Path, changes: dict[str, Any], line: str
) -> None:
    run = asked(extended, configured(**changes))
    assert run.stderr.splitlines() == [f"studies.shop.tables.costs.{line}"]
