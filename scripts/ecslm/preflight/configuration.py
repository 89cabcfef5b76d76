"""The plan of a study, with what is wrong with it."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ecslm.common.errors import InputError, all_of
from ecslm.plan.plan import Plan
from ecslm.preflight.findings import Finding, errors_of, ok, warning
from ecslm.provenance.overview import Overview
from ecslm.provenance.run import Run

# What warnings begin with where they are printed.
PREFIX = "warning: "


def read_plan(
    configfiles: Sequence[Path], study: str | None
) -> tuple[Plan | None, Overview | None, tuple[Finding, ...]]:
    """The plan, what a run would do, and what speaks against it, as a run checks it first.

    Where the configuration cannot be read there is no plan, and where parameters of jobs cannot be
    computed, no overview.
    """
    plan: Plan | None = None
    overview: Overview | None = None
    findings: list[Finding] = []
    with _warnings() as warned:
        try:
            plan = Plan.read(configfiles, study)
            all_of(plan.check, Run(plan).check)
        except InputError as problems:
            findings += errors_of(problems)
        if plan is not None:
            try:
                overview = Overview.of(plan)
            except InputError as problems:
                findings += errors_of(problems)
    found = (*dict.fromkeys(findings), *(warning(text) for text in warned))
    return plan, overview, found or (ok("fits the files that it names, and the results"),)


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """The warnings that the library logs while the block runs."""
    found: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage().removeprefix(PREFIX))

    handler, logger = Handler(logging.WARNING), logging.getLogger("ecslm")
    logger.addHandler(handler)
    propagates, logger.propagate = logger.propagate, False
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
