"""A finished study as one file to publish."""

import hashlib
import os
import shlex
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml
from support import warm
from support.completed import CONFIGURATION
from support.project import ROOT
from support.scratch import snakemake

ARCHIVE = "dist/study.zip"
RESULTS = "results/generated"
NOT_PACKED = (".safetensors", ".log", ".pt", ".bin", "fetch.lock", "run.lock")


@pytest.fixture(scope="module")
def packed(completed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished project, as a clone with all files committed, with its archive."""
    project = tmp_path_factory.mktemp("packed") / "project"
    shutil.copytree(completed, project)
    for name in (".gitignore", "CITATION.cff", "LICENSE", "Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    with (project / ".gitignore").open("a") as ignored:
        ignored.write("/weights/\n/data/\n")
    author = ("-c", "user.name=A", "-c", "user.email=a@b.c")
    for command in (("init", "-q"), ("add", "-A"), (*author, "commit", "-q", "-m", "All")):
        git(project, *command)
    # The same commit and results give the same bytes.
    for name in (ARCHIVE, "dist/again.zip"):
        run = archive(project, name)
        assert run.returncode == 0, run.stderr
    assert (project / ARCHIVE).read_bytes() == (project / "dist/again.zip").read_bytes()
    return project


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def archive(project: Path, output: str) -> subprocess.CompletedProcess[str]:
    options = ["--configfile", CONFIGURATION.name, "--study", "generated", "--output", output]
    return warm.run(["scripts/archive.py", *options], project, os.environ)


def test_an_archive_has_what_a_reader_needs_and_may_have(packed: Path) -> None:
    with zipfile.ZipFile(packed / ARCHIVE) as file:
        members = [name for name in file.namelist() if not name.endswith("/")]
        assert len({name.partition("/")[0] for name in members}) == 1
        files = {name.partition("/")[2]: file.read(name) for name in members}
    assert files.keys() >= {
        *("README.md", "CITATION.cff", "configuration.yaml", "code/Snakefile", "code/LICENSE"),
        *("code/requirements.lock", f"{RESULTS}/report.html", f"{RESULTS}/scores.csv"),
        *(f"{RESULTS}/data_card.md", "results/bases/Tiny/manifest.json"),
        f"{RESULTS}/metrics/Tiny/seed-0/QPR.json",
        *(f"{RESULTS}/adapters/Tiny-Chat/seed-0/{name}.json" for name in ("manifest", "cost")),
        f"{RESULTS}/predictions/Tiny/seed-0/QPR.manifest.json",
    }
    no_place = ("results/cache", ".snakemake", "data", "weights", "code/results")
    assert not [name for name in files if name.endswith(NOT_PACKED) or name.startswith(no_place)]
    kept = [name for name in files if name.startswith(f"{RESULTS}/predictions/")]
    assert kept and not [name for name in kept if name.endswith(".jsonl")]
    assert yaml.safe_load(files["configuration.yaml"])["study"] == "generated"
    assert git(packed, "rev-parse", "HEAD") in files["README.md"].decode()
    sums = files.pop("SHA256SUMS").decode().splitlines()
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == {
        name: digest for digest, name in (line.split("  ") for line in sums)
    }


def test_what_it_says_to_run_plans_the_study(packed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed / ARCHIVE) as file:
        file.extractall(tmp_path)
    (unpacked,) = tmp_path.iterdir()
    for folder in ("data", "weights"):
        shutil.copytree(packed / folder, unpacked / "code" / folder)
    text = (unpacked / "README.md").read_text(encoding="utf-8").replace("\\\n", "")
    (command,) = (line for line in text.splitlines() if "bin/snakemake " in line)
    run = snakemake(unpacked / "code", *shlex.split(command)[1:], "--dry-run")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "train_adapter" in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        (f"{RESULTS}/scores.csv", "altered", f"{RESULTS}/scores.csv: altered"),
        ("scripts/new.py", "", "scripts/new.py: not as in the commit"),
        ("dist/new.zip", "of mine", "dist/new.zip: exists already"),
    ],
)
def test_what_may_not_be_packed_is_refused(
    name: str, content: str, refusal: str, packed: Path
) -> None:
    path = packed / name
    before = path.read_bytes() if path.exists() else None
    path.write_text(content)
    run = archive(packed, "dist/new.zip")
    path.unlink()
    if before is not None:
        path.write_bytes(before)
    assert (run.returncode, run.stdout) == (1, "")
    assert refusal in run.stderr
    assert not (packed / "dist/new.zip").exists()
