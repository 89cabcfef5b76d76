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
from ecslm.reports.last_words import LastWords
from ecslm.reports.run_display import RunDisplay

RULES = ROOT / "rules/display.smk"
OPTIONS = ("quiet", "verbose", "debug_dag", "printshellcmds", "dryrun")


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Handler]:
    """Snakemake's logger with the handler that writes to stderr, and the one of the log file."""
    monkeypatch.delenv(SHOWN, raising=False)
    handler, file = logging.StreamHandler(io.StringIO()), logging.NullHandler()
    handler.name, file.name = "DefaultStreamHandler", "DefaultLogFileHandler"
    monkeypatch.setattr(logger, "handlers", [handler, file])
    yield handler
    os.environ.pop(SHOWN, None)


def display(touch: bool = False, main: bool = True, **options: Any) -> RunDisplay | None:
    """The display of a run with these options."""
    asked = SimpleNamespace(**(dict.fromkeys(OPTIONS) | options))
    workflow = SimpleNamespace(output_settings=asked, touch=touch, is_main_process=main)
    names: dict[str, Any] = {"workflow": workflow, "os": os}
    exec(compile(RULES.read_text(encoding="utf-8"), str(RULES), "exec"), names)
    found: RunDisplay | None = names["DISPLAY"]
    return found


def test_the_display_takes_the_place_of_the_handler_that_prints() -> None:
    made = display()
    assert [type(one) for one in logger.handlers] == [logging.NullHandler, RunDisplay, LastWords]
    assert made in logger.handlers
    assert SHOWN in os.environ


@pytest.mark.parametrize(
    "options",
    [*({option: True} for option in OPTIONS), {"touch": True}, {"main": False}],
    ids=lambda options: next(iter(options)),
)
def test_who_asks_for_other_output_gets_what_snakemake_prints(
    options: dict[str, bool], usual: logging.Handler
) -> None:
    assert display(**options) is None
    assert usual in logger.handlers
    assert SHOWN not in os.environ


def test_a_plugin_that_prints_is_left_alone(usual: logging.Handler) -> None:
    logger.handlers.remove(usual)
    assert display() is None
