"""The archive of a study: what it holds, under which names."""

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path

import yaml

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.config.backends.openai import OpenAIModel
from ecslm.config.files import read_files
from ecslm.config.places import merged
from ecslm.plan.plan import Plan
from ecslm.provenance.archive.bundle import write_bundle
from ecslm.provenance.archive.checkout import ProjectFile, current_commit, project_files
from ecslm.provenance.archive.contents import packed_files
from ecslm.provenance.archive.readme import readme
from ecslm.provenance.archive.secrets import hub_token_files, refuse_secrets
from ecslm.schemas.registry import CONFIG_FILE

PROJECT = CONFIG_FILE.parent
CITATION = "CITATION.cff"
LENGTH = 12


def archive_study(
    configfiles: Sequence[Path], study: str | None, output: Path | None
) -> tuple[Path, int]:
    """Write the archive of a finished study; return its path and how many files it has.

    Args:
        output: path of the zip file; `dist/ecslm-{study}-{commit}.zip` if it is left out.

    Raises:
        InputError: a result is missing or out of date, files differ from the commit, published
            numbers are not in it, or a file has a secret.
    """
    plan = Plan.read(configfiles, study)
    results = packed_files(configfiles, plan)
    commit = current_commit(PROJECT)
    code = list(project_files(PROJECT, commit))
    _require_published(plan, code)
    configuration = (
        merged(read_files([CONFIG_FILE, *configfiles]))
        .with_values({"study": plan.study.name})
        .values
    )
    version = tomllib.loads(read_text(PROJECT / "pyproject.toml"))["project"]["version"]
    files = {
        "README.md": readme(plan, commit, version).encode(),
        CITATION: (PROJECT / CITATION).read_bytes(),
        "configuration.yaml": yaml.safe_dump(
            configuration, sort_keys=False, allow_unicode=True
        ).encode(),
        **{f"code/{file.name}": file.content for file in code},
        **{path.as_posix(): path.read_bytes() for path in results},
    }
    refuse_secrets(files, os.environ, _key_variables(plan), hub_token_files())
    name = f"ecslm-{plan.study.name}-{commit[:LENGTH]}"
    path = Path("dist") / f"{name}.zip" if output is None else output
    programs = {f"code/{file.name}" for file in code if file.executable}
    write_bundle(path, name, files, programs)
    return path, len(files)


def _key_variables(plan: Plan) -> list[str]:
    """Environment variables that hold keys of servers, as the configuration names them."""
    models = [one for study in plan.study.config.studies.values() for one in study.models.values()]
    keys = (model.access.key for model in models if isinstance(model, OpenAIModel))
    return [key for key in keys if key is not None]


def _require_published(plan: Plan, code: Sequence[ProjectFile]) -> None:
    """Refuse a study whose published numbers are elsewhere, or ignored, or not committed yet.

    Raises:
        InputError: a line for each file of them.
    """
    packed = {file.name for file in code}
    files = sorted(Path(plan.study.settings.published_numbers).glob("*.csv"))
    lacking = [path for path in files if os.path.relpath(path, PROJECT) not in packed]
    if lacking:
        raise InputError(
            *(
                f"{path}: is not in the commit, so an archive would lack published numbers that "
                "the study reads: commit it in the project"
                for path in lacking
            )
        )
