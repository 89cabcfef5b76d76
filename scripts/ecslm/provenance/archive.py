"""The archive of a study: one file to publish, with code, configuration, results, and what proves
them."""

import hashlib
import io
import os
import re
import subprocess
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from ecslm.common.equal_code import EQUAL
from ecslm.common.errors import InputError, all_of, refuse
from ecslm.common.files import read_text, write_bytes
from ecslm.plan.checks import check_named_files
from ecslm.plan.study import Choice, Study
from ecslm.provenance.dag import read_dag
from ecslm.provenance.run import Run
from ecslm.schemas.paths import FETCHED, REPORT_PDF
from ecslm.schemas.task import CONFIG_FILE

PROJECT = CONFIG_FILE.parent
README = Path("report/archive.md")
CITATION = "CITATION.cff"
# Zip files know no earlier time; a real one would differ each time.
NO_TIME = (1980, 1, 1, 0, 0, 0)
READABLE = 0o100644 << 16

# Parts of the project that decide results.
CODE = (
    *("Snakefile", "config.yaml", "studies", "rules", "scripts", "report", "resources"),
    *("profiles", "envs", "requirements.lock"),
)
# Of jobs of these rules only files with these ends are packed: weights and answers have licences of
# their own, records that of the data, and predictions and BERTScores show records.
PROOF = ("manifest.json", "cost.json", "log.jsonl")
PROOF_ALONE = {
    *("base_model", "train_adapter", "export_model", "model_card"),
    *("dataset", "fetch_answers", "predict", "bertscore", "tidy_records"),
}

# How variables of the environment that hold a secret are called, and its least length.
SECRET, SHORTEST = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE), 8


def archive_study(choice: Choice, output: Path | None) -> tuple[Path, int]:
    """Write the archive of a finished study; return its path and how many files it has.

    The same commit and results give the same bytes.

    Args:
        output: path of the zip file; `dist/ecslm-{study}-{commit}.zip` if it is left out.

    Raises:
        InputError: a result is missing or out of date, files differ from the commit, one has a
            secret of the environment, or there is a file of this name.
    """
    if output is not None and output.exists():
        raise InputError(f"{output}: exists already: remove it, or name another file")
    study, commit = choice.read(), _current_commit()
    own = {path.as_posix(): path.read_bytes() for path in packed_files(choice, study)}
    own |= _own_texts(study, commit)
    top = f"ecslm-{study.name}-{commit[:12]}"
    packed = io.BytesIO(_git("archive", "--format=zip", f"--prefix={top}/code/", commit))
    with zipfile.ZipFile(packed, "a") as bundle:
        code = [name for name in bundle.namelist() if not name.endswith("/")]
        files = {name.partition("/")[2]: bundle.read(name) for name in code} | own
        refuse_secrets(files, study)
        sums = (f"{hashlib.sha256(files[one]).hexdigest()}  {one}\n" for one in sorted(files))
        for file, content in {**own, "SHA256SUMS": "".join(sums).encode()}.items():
            member = zipfile.ZipInfo(f"{top}/{file}", NO_TIME)
            member.external_attr = READABLE
            bundle.writestr(member, content, zipfile.ZIP_DEFLATED, 9)
    path = output or Path("dist") / f"{top}.zip"
    write_bytes(path, packed.getvalue())
    return path, len(files)


def packed_files(choice: Choice, study: Study) -> list[Path]:
    """The files of a finished study, sorted.

    Raises:
        InputError: a result is missing, altered or out of date.
    """
    run, pdf = Run(study), Path(study.results) / REPORT_PDF
    # The report as a PDF, which is packed if it was made.
    with read_dag(choice, ("all", *[str(pdf)] * pdf.exists())) as dag:
        jobs = dag.jobs
    all_of(lambda: check_named_files(study), lambda: run.check(jobs))
    if due := [job for job in jobs if job.due]:
        raise InputError(
            f"{study.results}: {len(due):,} of {len(jobs):,} jobs are not done, or their results "
            f"are out of date, such as {due[0].manifest}: run the study {study.name} to its end"
            f"{', and its target `report` for the PDF' * pdf.exists()}, then again; "
            f"`make why STUDY={study.name}` says what is missing"
        )
    found = {Path(one) for job in jobs if job.rule not in PROOF_ALONE for one in job.files}
    proof = {Path(one) for job in jobs for one in job.files if one.endswith(PROOF)}
    bases = (Path(job.manifest) for job in jobs if job.rule == "base_model")
    fetched = {path.with_name(Path(FETCHED).name) for path in bases}
    # Which code was accepted as equal to that of a manifest, and by what evidence.
    accepted = EQUAL.glob("*.json")
    return sorted(filter(Path.exists, found | proof | fetched | {*accepted}))


def _current_commit() -> str:
    """The commit that is checked out.

    Raises:
        InputError: this is no git repository, or files that decide results differ from the commit.
    """
    status = _git("status", "--porcelain", "--untracked-files=all", "--", *CODE).decode()
    if changed := [line[3:] for line in status.splitlines()]:
        told = "not as in the commit, so an archive would have other code than made the results"
        raise InputError(f"{', '.join(changed)}: {told}: commit or undo the changes")
    return _git("rev-parse", "HEAD").decode().strip()


def _git(*arguments: str) -> bytes:
    ran = subprocess.run(["git", "-C", str(PROJECT), *arguments], check=False, capture_output=True)
    if ran.returncode:
        said = " ".join(ran.stderr.decode().split())
        told = f"no commit to take the code from ({said})"
        raise InputError(f"{PROJECT}: {told}: an archive is made in a clone of the project")
    return ran.stdout


def _own_texts(study: Study, commit: str) -> dict[str, bytes]:
    """Files that only the archive has: how to use it and to cite it, and all of the configuration
    in one file."""
    values = study.content.values | {"study": study.name}
    readme = read_text(PROJECT / README).format(
        title=study.settings.title,
        study=study.name,
        version=tomllib.loads(read_text(PROJECT / "pyproject.toml"))["project"]["version"],
        commit=commit,
        results=study.results,
    )
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    citation = (PROJECT / CITATION).read_bytes()
    return {"README.md": readme.encode(), CITATION: citation, "configuration.yaml": text.encode()}


def refuse_secrets(files: Mapping[str, bytes], study: Study) -> None:
    """
    Args:
        files: contents by name.

    Raises:
        InputError: a file has the value of a variable of the environment that holds a secret, by
            its name or as the key of a server of the study; without the value.
    """
    keys = {getattr(getattr(one, "access", 0), "key", 0) for one in study.settings.models.values()}
    secrets = {
        name: value.encode()
        for name, text in os.environ.items()
        if len(value := text.strip()) >= SHORTEST and (name in keys or SECRET.search(name))
    }
    told = "has the value of the environment variable {}: remove it, and change the secret"
    found = {(f, n) for f, text in files.items() for n, one in secrets.items() if one in text}
    refuse(f"{file}: {told.format(name)}" for file, name in sorted(found))
