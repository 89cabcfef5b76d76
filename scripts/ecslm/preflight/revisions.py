"""Checks whether weights and data are pinned to a commit, so that another day gives the same."""

from collections.abc import Iterator
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.validation import read_model
from ecslm.data.settings import HubData
from ecslm.data.sources.hub import COMMIT
from ecslm.models.bases import BaseManifest, HubSource
from ecslm.plan.plan import Plan
from ecslm.preflight.findings import Finding, ok, shortened, warning
from ecslm.preflight.planned_run import PlannedRun


def check_revisions(run: PlannedRun) -> Iterator[Finding]:
    """Whether the revisions of the hub are commits and, if not, which commits they are now."""
    commits = {one.where: run.replies[one].commit for one in run.repositories}
    named = dict(_revisions(run.plan))
    loose = {where: name for where, name in named.items() if not COMMIT.fullmatch(name)}
    if not loose:
        yield ok("all weights and data are pinned")
    unknown = []
    for where, name in loose.items():
        commit = commits.get(where) or _fetched(run.plan, where)
        if commit is None:
            unknown.append(f"{where}.revision")
        else:
            yield warning(f"{name} may change", f"{where}.revision", f"set it to {commit}")
    if unknown:
        yield warning(
            "no commit, so what is fetched may change",
            shortened(unknown),
            "set each to the commit that the hub shows, or that `results` has once it is fetched",
        )


def _revisions(plan: Plan) -> Iterator[tuple[str, str]]:
    """The revision of each repository that the study uses, by its key."""
    for key in plan.rules["base_model"].all_keys():
        source = plan.study.config.bases[key.base]
        if isinstance(source, HubSource):
            yield f"bases.{key.base}", source.revision
    data = plan.source.data
    if isinstance(data, HubData) and not Path(data.id).is_dir():
        yield f"studies.{plan.study.name}.data", data.revision


def _fetched(plan: Plan, where: str) -> str | None:
    """The commit of a base that is here."""
    manifest = Path(plan.study.base(where.removeprefix("bases.")))
    try:
        made = read_model(manifest, BaseManifest)
    except InputError:
        # Missing; a broken one is told of with the results.
        return None
    return made.revision if isinstance(made.source, HubSource) else None
