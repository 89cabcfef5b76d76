"""A whole study on a tiny random model, with a row of each kind: every stage real, from records to
tables, with hostile texts in the configuration and secrets in the environment."""

import contextlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.local_server import (
    PRICES,
    VARIABLE,
    LocalServer,
    completion,
    failure,
    in_turn,
    local_server,
    prompt_of,
)
from support.scratch import copy_project, planned_jobs, snakemake
from support.small_rows import TASKS as NAMES
from support.small_rows import write_small_rows
from support.stated_jobs import RULES, all_jobs_of

from ecslm.common.files import read_json, write_json
from ecslm.common.rows import read_jsonl
from ecslm.estimates.estimate import MIB
from ecslm.models.bases import read_base
from ecslm.plan.study import Choice
from ecslm.provenance.dag import read_dag
from ecslm.provenance.results import damage, read_job_manifest
from ecslm.provenance.why import differences
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.record import read_records

pytestmark = pytest.mark.slow

TINY = Path(__file__).with_name("tiny_study.yaml")
STUDY = "study.yaml"
RUN = ("--configfile", STUDY)
TARGETS = ("--", "all", "report", "latency", "export")
RESULTS = Path("results/tiny")
COMMIT = "c0ffee00" * 5
IND = "IND_Diverse_Instruction"
SERVED = "predictions/Tiny/seed-0"

HOSTILE = (
    "--help '\" $(touch ran) `touch ran`; touch ran | touch ran & {wildcards} {{x}} {0} %s\n"
    "<script>alert(1)</script> </script> \\immediate\\write18{touch ran} \\input{/etc/passwd} "
    "$\\undefined$ [x] ]]> -->"
)
# As users set them, and as others are called that must not be written either.
SECRETS = {
    name: f"marked-{name.lower()}-8c1f"
    for name in (
        *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OPENAI_API_KEY", VARIABLE, "ANTHROPIC_API_KEY"),
        *("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PYPI_PASSWORD", "MODELSCOPE_API_TOKEN"),
    )
} | {
    "PIP_INDEX_URL": "https://me:marked-index-8c1f@packages.example/simple",
    "HTTPS_PROXY": "http://me:marked-proxy-8c1f@proxy.example:1",
}


@dataclass(frozen=True)
class Finished:
    """A project in which the study, its PDF included, has run to the end, and its server."""

    project: Path
    server: LocalServer
    printed: str

    @property
    def results(self) -> Path:
        return self.project / RESULTS

    def read(self, path: str) -> Any:
        return read_json(self.results / path)


def configuration(server: LocalServer, **access: Any) -> dict[str, Any]:
    """The tiny study with rows of a server, in place of its untuned model, of answers that exist
    already, and a learned one."""
    whole: dict[str, Any] = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    # With fewer jobs: those of another trained task would be the same.
    whole["tasks"] = {"AG": {"train": False}}
    for section in (whole["tasks"].setdefault("PM", {}), whole["studies"]["tiny"]):
        section["title"] = HOSTILE
    study = whole["studies"]["tiny"]
    study["answers"] = {"archive": "answers.tar.gz", "commit": COMMIT[:12], "folder": "published"}
    rows = {
        "Tiny": {
            "backend": "openai",
            "template": "chatml",
            "server": {"url": server.url, "model": "shop-1", "api": "completions"},
            "access": {"key": VARIABLE, "concurrency": 2, "prices": PRICES, **access},
        },
        "SmolLM2-360M-EC": {"backend": "recorded", "published": "small", "tasks": ["PM"]},
        "Mine": {"backend": "recorded", "path": "mine & theirs", "tasks": ["PM"]},
        "Nearest": {"backend": "learned", "method": "nearest"},
    }
    study["models"] |= rows
    tables = study["tables"]
    tables["ind"]["rows"].append({"group": HOSTILE, "models": [*rows][1:]})
    tables["ind"]["caption"] = HOSTILE
    del tables["validity"], tables["comparisons"]
    tables["reproduction"]["rescored"] = {"SmolLM2-360M-EC": "SmolLM2-360M-EC"}
    return whole


def configure(project: Path, server: LocalServer, **access: Any) -> None:
    text = yaml.safe_dump(configuration(server, **access))
    (project / STUDY).write_text(text, encoding="utf-8")


def write_answers(project: Path, rows: list[dict[str, Any]]) -> None:
    """The right answers as a published archive, and answers of one's own that are invalid."""
    name, _ = NAMES["PM"]
    asked = (name, IND, "test")
    right = [x["output"] for x in rows if (x["task"], x["setting"], x["split"]) == asked]
    content, comment = json.dumps(right).encode(), {"comment": COMMIT}
    with tarfile.open(project / "answers.tar.gz", "w:gz", pax_headers=comment) as archive:
        member = tarfile.TarInfo(f"repository-{COMMIT}/published/small/{name}/{IND}.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    write_json(project / "mine & theirs" / name / f"{IND}.json", ["no idea"] * len(right))


@pytest.fixture(scope="module", autouse=True)
def secrets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_encoder: Path
) -> Iterator[Finished]:
    project = copy_project(tmp_path_factory.mktemp("study"))
    shutil.copytree(tiny_model, project / "weights/model")
    shutil.copytree(read_base(tiny_encoder)[1], project / "weights/encoder")
    sizes = {"train": 4, "val": 2, "test_ind": 3, "test_ood": 2}
    write_answers(project, write_small_rows(project / "tiny_rows.jsonl", **sizes))
    told = in_turn(
        failure(429, f"slow down, {SECRETS[VARIABLE]}"),
        lambda body: completion(body, "yes" if len(prompt_of(body)) % 2 else "no"),
    )
    with local_server(told) as server:
        configure(project, server)
        run = snakemake(project, "--resources", "gpu=2", *RUN, *TARGETS)
        assert run.returncode == 0, run.stdout + run.stderr
        yield Finished(project, server, run.stdout + run.stderr)


def test_right_answers_are_right_no_answers_are_invalid_and_each_answers_its_record(
    finished: Finished,
) -> None:
    for model, task in (*product(("Tiny-EC", "Tiny"), ("PM", "AG")), ("Nearest", "PM")):
        records = read_records(finished.results / f"dataset/{task}/test.jsonl")
        path = finished.results / f"predictions/{model}/seed-0/{task}.jsonl"
        answered = [(one.id, one.reference) for one in read_jsonl(path, ScoredPrediction)]
        assert answered == [(record.id, record.output) for record in records]
    mine, best, nearest = (
        finished.read(f"metrics/{name}.json")["settings"][IND]
        for name in ("Mine/seed-0/PM", "SmolLM2-360M-EC/seed-0/PM", "Nearest/seed-0/PM")
    )
    # Whether answers that exist already were cut off is not known.
    assert (mine["n_invalid"], mine["n"], mine["n_truncated"]) == (3, 3, None)
    assert best["n_invalid"] == nearest["n_invalid"] == 0
    # The data authors' scorer adds a small number.
    assert best["released"]["value"] == pytest.approx(1.0, abs=1e-3)
    groups = finished.read("tables/reproduction.json")["panels"][0]["groups"]
    rows = [row for group in groups for row in group["rows"]]
    shown = [[cell["shown"] for cell in row["cells"]] for row in rows if row["name"] == "PM"]
    assert shown
    assert all(one[:3] == ["F1", "3", "0.720"] for one in shown)
    assert any("1.000" in one[3:] for one in shown), shown


def test_no_job_of_a_model_took_more_memory_than_it_asks_a_scheduler_for(
    finished: Finished,
) -> None:
    asked_and_taken = {}
    with contextlib.chdir(finished.project):
        for job in all_jobs_of(Choice([Path(STUDY)]).read()):
            for path in map(Path, job.outputs.get("cost", ())):
                found = json.loads(path.read_text()) if path.name.endswith(".json") else {}
                if peak := found.get("peak_memory_bytes"):
                    asked_and_taken[path] = job.resources["mem_mb"] * MIB, peak
    # Of its training, its latency, its two tasks, and of the learned row.
    assert len(asked_and_taken) == 5
    short = {path: both for path, both in asked_and_taken.items() if both[0] < both[1]}
    assert short == {}


def test_every_result_has_the_manifest_of_what_it_would_be_made_from_now(
    finished: Finished,
) -> None:
    with contextlib.chdir(finished.project):
        with read_dag(Choice([Path(STUDY)]), None) as dag:
            jobs = dag.jobs
        # The other is of several seeds.
        assert {job.rule for job in jobs} == RULES - {"score_over_seeds"}
        assert not any(job.due for job in jobs)
        assert not any(map(differences, jobs))
        assert not any(damage(job, read_job_manifest(job)) for job in jobs)


def leaks(project: Path, printed: str) -> list[str]:
    """Where the value of a secret is to be found: in a file, or in what was printed."""
    found = [
        str(path.relative_to(project))
        for path in project.rglob("*")
        if path.is_file() and re.search(b"marked-[a-z_]+-8c1f", path.read_bytes())
    ]
    return found + (["printed"] if "-8c1f" in printed else [])


def test_hostile_texts_are_only_texts_and_secrets_reach_no_file_and_no_terminal(
    finished: Finished,
) -> None:
    assert not list(finished.project.rglob("ran"))
    page = (finished.results / "report.html").read_text(encoding="utf-8")
    assert "alert(1)" in page and "<script>alert" not in page
    assert page.count("</script>") == 2
    assert leaks(finished.project, finished.printed) == []
    server = finished.server
    assert server.received[0].headers["authorization"] == f"Bearer {SECRETS[VARIABLE]}"


# What follows changes the project.


def test_a_second_run_has_nothing_to_do_and_asks_and_pays_nothing(finished: Finished) -> None:
    project, server = finished.project, finished.server
    assert len(server.received) == len(set(server.prompts())) + 1
    cost = finished.read(f"{SERVED}/PM.cost.json")
    assert cost["price"] == cost["paid"] > 0
    table = (finished.results / "tables/ind.tex").read_bytes()

    # Answers that were paid for are not asked for again; nor does it matter how they were.
    server.received.clear()
    configure(project, server, budget=100.0, timeout=5.0)
    shutil.rmtree(project / "results/cache/finished")
    (finished.results / SERVED / "PM.jsonl").unlink()
    second = snakemake(project, "--printshellcmds", *RUN)
    assert second.returncode == 0, second.stdout + second.stderr
    assert leaks(project, second.stdout + second.stderr) == []
    assert server.received == []
    cost = finished.read(f"{SERVED}/PM.cost.json")
    assert (cost["requests"], cost["paid"]) == (0, 0)
    assert (finished.results / "tables/ind.tex").read_bytes() == table

    work = list(finished.results.glob("**/work"))
    assert work
    assert [path for folder in work for path in folder.iterdir() if path.is_dir()] == []


def due(project: Path) -> dict[str, int]:
    run = snakemake(project, "--dry-run", *RUN)
    assert run.returncode == 0, run.stderr
    return planned_jobs(run.stdout + run.stderr)


def test_an_edit_of_an_answer_reruns_what_it_concerns_alone(finished: Finished) -> None:
    project = finished.project
    # Its content is pinned, wherever it is.
    (project / "answers.tar.gz").unlink()
    path = project / f"mine & theirs/{NAMES['PM'][0]}/{IND}.json"
    write_json(path, [*read_json(path)[:-1], "yes"])
    rules = ("predict", "score", "tidy_scores", "tidy_costs", "tidy_records", "draw_figures")
    once = dict.fromkeys((*rules, "report_page", "all"), 1)
    # Those of claims, scores, the reproduction and costs.
    assert due(project) == once | {"render_table": 4}


def test_a_run_that_fails_tells_no_secret(finished: Finished) -> None:
    project = finished.project
    broken = configuration(finished.server)
    broken["bases"]["Tiny"] = {"source": "hub", "id": "acme/none", "revision": "main"}
    (project / STUDY).write_text(yaml.safe_dump(broken), encoding="utf-8")
    run = snakemake(project, "--cores", "1", "--verbose", *RUN, "--", "bases")
    assert run.returncode == 1
    assert "cannot be downloaded" in run.stdout + run.stderr
    assert leaks(project, run.stdout + run.stderr) == []
