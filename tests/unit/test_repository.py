"""What the files around the code say agrees: version, dependencies, licences, workflow."""

import hashlib
import json
import re
import tomllib
from datetime import date

import pytest
import yaml
from support.project import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
APACHE = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", one)[0] for one in requirements}  # type: ignore[index]


def first_column(page: str, heading: str) -> set[str]:
    """The names in the first column of the table that follows a line."""
    (table, *_) = re.findall(r"(?:^\|.*\n)+", page.split(heading)[1], re.MULTILINE)
    rows = table.splitlines()[2:]
    return {name.strip() for row in rows for name in row.split("|")[1].split(",")}


def test_there_is_one_version_and_one_date_of_it() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\S+)$", text("CHANGELOG.md"), re.MULTILINE)
    assert citation["version"] == PROJECT["version"] == releases[0][0]
    assert citation["date-released"] == releases[0][1]
    assert date.fromisoformat(releases[0][1])


def test_the_licence_is_apaches_word_for_word() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE
    said = {yaml.safe_load(text("CITATION.cff"))["license"], PROJECT["license"]}
    assert said | {json.loads(text(".zenodo.json"))["license"]} == {"Apache-2.0"}


def test_the_workflow_asks_for_the_snakemake_that_the_project_does() -> None:
    (wanted,) = re.findall(r'^min_version\("(.*)"\)$', text("Snakefile"), re.MULTILINE)
    assert f"snakemake>={wanted}," in ",".join(PROJECT["dependencies"]) + ","


@pytest.mark.parametrize(
    ("heading", "requirements"),
    [
        ("## What each is for", PROJECT["dependencies"]),
        ("For work on the project", PROJECT["optional-dependencies"]["dev"]),
    ],
)
def test_each_dependency_has_its_reason(heading: str, requirements: list[str]) -> None:
    assert first_column(text("docs/dependencies.md"), heading) == names(requirements)


def test_the_checks_before_a_commit_and_on_github_are_those_of_the_makefile_and_of_ci() -> None:
    (repository,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == ["make lint"]
    (job,) = yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step][-1] == ".ci/run"
    actions = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all(re.search(r"@[0-9a-f]{40}$", action) for action in actions)
    assert 0 < job["timeout-minutes"] <= 120
