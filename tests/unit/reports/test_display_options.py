"""When a run has a display: rules/display.smk, executed as Snakemake does."""

import io
import logging
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.logging import logger
from support.project import ROOT

from ecslm.common.logs import SHOWN
from ecslm.reports.run_display import RunDisplay

RULES = ROOT / "rules/display.smk"
OPTIONS = ("quiet", "verbose", "debug_dag", "printshellcmds", "dryrun")


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Handler]:
    """Snakemake's logger with the handler that writes to stderr."""
    monkeypatch.delenv(SHOWN, raising=False)
    handler = logging.StreamHandler(io.StringIO())
    handler.name = "DefaultStreamHandler"
    monkeypatch.setattr(logger, "handlers", [handler])
    yield handler
    os.environ.pop(SHOWN, None)


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
    assert SHOWN not in os.environ
    assert handlers() == [RunDisplay]
    assert SHOWN in os.environ
