"""A study of answers that exist already, from the archive and the data to its tables; no GPU."""

import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from support.scratch import copy_project, list_jobs, snakemake
from support.small_rows import write_small_rows

from ecslm.common.files import write_json

pytestmark = pytest.mark.slow

STUDY = Path(__file__).with_name("recorded_study.yaml")
RUN = ("--configfile", str(STUDY), "--resources", "gpu=0")
RESULTS = Path("results/answered")
COMMIT = "c0ffee00" * 5
IND, OOD = "IND_Diverse_Instruction", "OOD_Diverse_Instruction"
# Directories as they are spelt in the data.
TASKS = {"PM": "Product_Matching", "SA": "Sentiment_Analysis", "QPR": "Query_Product_Rank"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the study has run to the end."""
    project = copy_project(tmp_path_factory.mktemp("recorded"))
    rows = write_data(project)
    right = {
        f"{alias}/{setting}.json": [
            row["output"]
            for row in rows
            if (row["task"], row["setting"], row["split"]) == (alias, setting, "test")
        ]
        for alias in TASKS.values()
        for setting in (IND, OOD)
    }
    with tarfile.open(
        project / "answers.tar.gz", "w:gz", pax_headers={"comment": COMMIT}
    ) as archive:
        for name, texts in right.items():
            content = json.dumps(texts).encode()
            member = tarfile.TarInfo(f"repository-{COMMIT}/inference_results/small/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    for alias in TASKS.values():
        path = f"{alias}/{IND}.json"
        write_json(project / "mine & theirs" / path, ["no idea"] * len(right[path]))
    run = snakemake(project, "--cores", "2", *RUN)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "SmolLM2-360M-EC (in domain)\nTask  Metric    Score " in run.stdout
    return project


def write_data(project: Path) -> list[dict[str, Any]]:
    """The data in hub layout, and their labels; returns the rows."""
    path, labels = project / "data/hub/train.jsonl", project / "data/labels.json"
    return write_small_rows(path, labels, train=2, val=1, test_ind=3, test_ood=2)


def scores(project: Path, model: str, task: str) -> dict[str, Any]:
    path = project / RESULTS / f"metrics/{model}/seed-0/{task}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))["settings"])


def test_right_answers_are_right_and_no_answers_are_invalid(finished: Path) -> None:
    for task in TASKS:
        found = scores(finished, "SmolLM2-360M-EC", task)
        assert list(found) == [IND, OOD][: 2 if task == "SA" else 1]
        assert found[IND]["n_invalid"] == 0
        mine = scores(finished, "Mine", task)
        assert list(mine) == [IND], "it has no answers in other settings"
        assert mine[IND]["n_invalid"] == mine[IND]["n"] == 3
    assert scores(finished, "Mine", "PM")[IND]["n_truncated"] is None, "that is not known"
    best = scores(finished, "SmolLM2-360M-EC", "QPR")[IND]["released"]["value"]
    assert best == pytest.approx(1.0, abs=1e-3), "the data authors' scorer adds a small number"
    assert scores(finished, "SmolLM2-360M-EC", "SA")[OOD]["strict"]["value"] > 0


def test_the_rescored_answers_stand_beside_the_published_values(finished: Path) -> None:
    twin = json.loads((finished / RESULTS / "tables/reproduction.json").read_text(encoding="utf-8"))
    (group, _) = twin["panels"][0]["groups"]
    rows = {row["name"]: [cell["shown"] for cell in row["cells"]] for row in group["rows"]}
    assert rows["QPR"] == ["NDCG", "3", "0.809", "1.000", "--"], "measured on other data"
    text = (finished / RESULTS / "tables/reproduction.tex").read_text(encoding="utf-8")
    assert "Authors' answers" in text


def due(project: Path) -> set[str]:
    return {job.name for job in list_jobs(project, "--dry-run", *RUN) if job.command}


def test_an_edit_reruns_what_it_concerns_alone(finished: Path, tmp_path: Path) -> None:
    project = shutil.copytree(finished, tmp_path / "project")
    assert due(project) == set()
    # Its content is pinned, wherever it is.
    (project / "answers.tar.gz").unlink()
    assert due(project) == set()
    path = project / f"mine & theirs/Sentiment_Analysis/{IND}.json"
    write_json(path, [*json.loads(path.read_text(encoding="utf-8"))[:-1], "A: very positive"])
    assert due(project) == {
        *("predict Mine/seed-0/SA", "score Mine/seed-0/SA", "differences SA", "compare"),
        *(f"render_table {name}" for name in ("ind", "validity", "comparisons")),
        *("tidy_scores", "draw_figures", "report_page"),
    }
