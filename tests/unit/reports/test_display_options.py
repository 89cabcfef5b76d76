"""When a run has a display: rules/display.smk, executed as Snakemake does."""

import io
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.logging import logger
from support.project import ROOT

from ecslm.reports.run_display import RunDisplay

RULES = ROOT / "rules/display.smk"
OPTIONS = ("quiet", "verbose", "debug_dag", "printshellcmds", "dryrun")


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Handler]:
    """Snakemake's logger with the handler that writes to stderr."""
    handler = logging.StreamHandler(io.StringIO())
    handler.name = "DefaultStreamHandler"
    monkeypatch.setattr(logger, "handlers", [handler])
    yield handler


def handlers(touch: bool = False, main: bool = True, **options: Any) -> list[type]:
    """The handlers of a run with these options."""
    asked = SimpleNamespace(**(dict.fromkeys(OPTIONS) | options))
    workflow = SimpleNamespace(output_settings=asked, touch=touch)
    names = {"workflow": workflow, "IS_RUN": main}
    exec(compile(RULES.read_text(encoding="utf-8"), str(RULES), "exec"), names)
    return [type(one) for one in logger.handlers]


def test_the_display_takes_the_place_of_the_handler_whose_output_nobody_asks_for() -> None:
    """But not in a job that a scheduler starts."""
    for options in (*({option: True} for option in OPTIONS), {"touch": True}):
        assert handlers(**options) == [logging.StreamHandler, RunDisplay], options
        logger.handlers.pop()
    assert handlers(main=False) == [logging.StreamHandler]
    assert handlers() == [RunDisplay]


def test_a_dry_run_cuts_lists_but_no_command(usual: logging.StreamHandler) -> None:
    files, command = ", ".join(f"results/{n}" for n in range(200)), "python x " * 200
    record = logging.LogRecord("", 20, "", 0, f"rule a:\n    input: {files}\n{command}", (), None)
    handlers(dryrun=True)
    head, listed, whole = usual.format(record).split("\n")
    assert (head, whole) == ("rule a:", command)
    assert files.startswith(listed.removeprefix("    input: ").removesuffix(" ..."))
    assert len(listed) < 330
