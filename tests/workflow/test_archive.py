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

ARCHIVE = Path("dist/study.zip")
KEY = "sk-a-key-that-nobody-may-see"
NOT_PACKED = (".safetensors", ".log", ".pt", ".bin", "fetch.lock", "run.lock")


@pytest.fixture
def checkout(project: Path) -> Path:
    """A finished project, as a clone with all files committed."""
    return committed(project)


@pytest.fixture(scope="module")
def packed(completed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed project with its archive."""
    folder = tmp_path_factory.mktemp("packed") / "project"
    shutil.copytree(completed, folder)
    run = archive(committed(folder))
    assert run.returncode == 0, run.stderr
    return folder


def committed(project: Path) -> Path:
    for name in (".gitignore", "CITATION.cff", "LICENSE", "Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    with (project / ".gitignore").open("a") as ignored:
        ignored.write("/weights/\n/data/\n")
    git(project, "init", "--quiet")
    commit(project)
    return project


def commit(project: Path) -> None:
    git(project, "add", "--all")
    git(project, *("-c", "user.name=A", "-c", "user.email=a@b.c"), "commit", "--quiet", "-m", "All")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def archive(
    project: Path, output: Path = ARCHIVE, **environment: str
) -> subprocess.CompletedProcess[str]:
    options = ["--configfile", CONFIGURATION.name, "--study", "generated", "--output", str(output)]
    return warm.run(["scripts/archive.py", *options], project, {**os.environ, **environment})


def refusal(run: subprocess.CompletedProcess[str], project: Path) -> str:
    """The only line of a refusal."""
    assert run.returncode == 1 and not run.stdout
    assert not (project / ARCHIVE).exists()
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    return line


def contents(path: Path) -> dict[str, bytes]:
    """Contents by name, without the folder that all files lie in."""
    with zipfile.ZipFile(path) as packed:
        names = packed.namelist()
        assert len({name.partition("/")[0] for name in names}) == 1
        return {name.partition("/")[2]: packed.read(name) for name in names}


def test_an_archive_has_what_a_reader_needs_and_nothing_that_may_not_be_published(
    packed: Path,
) -> None:
    files = contents(packed / ARCHIVE)
    results = "results/generated"
    assert files.keys() >= {
        *("README.md", "CITATION.cff", "configuration.yaml", "code/Snakefile", "code/LICENSE"),
        *("code/requirements.lock", f"{results}/report.html", f"{results}/scores.csv"),
        *(f"{results}/data_card.md", "results/bases/Tiny/manifest.json"),
        f"{results}/metrics/Tiny/seed-0/QPR.json",
        f"{results}/predictions/Tiny/seed-0/QPR.manifest.json",
    }
    assert not [name for name in files if name.endswith(NOT_PACKED)]
    assert not [
        name for name in files if name.startswith(("results/cache", ".", "data", "weights"))
    ]
    kept = [name for name in files if name.startswith(f"{results}/predictions/")]
    assert kept and not [name for name in kept if name.endswith(".jsonl")]
    assert yaml.safe_load(files["configuration.yaml"])["study"] == "generated"
    assert git(packed, "rev-parse", "HEAD") in files["README.md"].decode()


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


def test_its_sums_are_those_of_its_files(packed: Path) -> None:
    files = contents(packed / ARCHIVE)
    lines = files.pop("SHA256SUMS").decode().splitlines()
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == {
        name: digest for digest, name in (line.split("  ") for line in lines)
    }


def test_the_same_commit_and_results_give_the_same_bytes(packed: Path) -> None:
    assert archive(packed, Path("dist/again.zip")).returncode == 0
    first, second = (packed / "dist" / name for name in ("study.zip", "again.zip"))
    assert first.read_bytes() == second.read_bytes()


def test_a_result_that_is_missing_is_refused(checkout: Path) -> None:
    (checkout / "results/generated/scores.csv").unlink()
    line = refusal(archive(checkout), checkout)
    assert "run the study generated to its end" in line and "scores.manifest.json" in line


def test_a_result_that_was_altered_is_refused(checkout: Path) -> None:
    with (checkout / "results/generated/scores.csv").open("a") as stream:
        stream.write("more\n")
    assert "scores.csv: altered" in refusal(archive(checkout), checkout)


def test_code_that_is_not_committed_is_refused(checkout: Path) -> None:
    with (checkout / "Makefile").open("a") as stream:
        stream.write("# changed\n")
    (checkout / "scripts/new.py").write_text("", encoding="utf-8")
    (checkout / "notes.txt").write_text("of my own", encoding="utf-8")
    line = refusal(archive(checkout), checkout)
    assert line.startswith("error: Makefile, scripts/new.py: not as in the commit")


def test_published_numbers_that_no_commit_has_are_refused(checkout: Path) -> None:
    (checkout / "resources/published/more.csv").write_text("", encoding="utf-8")
    line = refusal(archive(checkout), checkout)
    assert line.startswith("error: resources/published/more.csv: is not in the commit")


def test_without_a_commit_there_is_no_code_to_pack(project: Path) -> None:
    assert "no commit to take the code from" in refusal(archive(project), project)


def test_a_file_with_the_value_of_a_secret_is_refused_without_telling_it(checkout: Path) -> None:
    (checkout / "notes.txt").write_text(KEY, encoding="utf-8")
    commit(checkout)
    run = archive(checkout, SHOP_API_KEY=KEY)
    assert refusal(run, checkout).startswith("error: code/notes.txt: has the value of the env")
    assert KEY not in run.stderr


def test_weights_that_someone_has_committed_are_refused(checkout: Path) -> None:
    (checkout / "model.gguf").write_bytes(b"GGUF")
    commit(checkout)
    line = refusal(archive(checkout), checkout)
    assert line.startswith("error: model.gguf: weights are in the commit")
