"""Log messages: plain lines in a log file and on stderr."""

import argparse
import logging
import os
import sys
import warnings
from pathlib import Path


def add_log_option(parser: argparse.ArgumentParser) -> None:
    """Add `--log`, the same in every long-running script."""
    parser.add_argument("--log", type=Path, help="also write progress to this file, as plain lines")


def start_log(path: Path | None, more: bool = False) -> None:
    """Log the messages and uncaught errors of this process to stderr and to `path`.

    On a terminal, where progress bars are shown, stderr gets only warnings and errors. With `more`
    the file keeps what the process that started this one has logged.
    """
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(logging.WARNING if sys.stderr.isatty() else logging.INFO)
    handlers: list[logging.Handler] = [console]
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Emptied, then appended to: a job that outlived its Snakemake may still write to it.
        if not more:
            path.write_text("", encoding="utf-8")
        handlers.append(logging.FileHandler(path, mode="a", encoding="utf-8"))
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers
    )
    logging.captureWarnings(True)
    # Hide what libraries log for their developers. transformers reads its level from the
    # environment when it is imported.
    warnings.simplefilter("ignore", FutureWarning)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    for library in ("httpx", "bitsandbytes", "accelerate"):
        logging.getLogger(library).setLevel(logging.ERROR)

    def log_uncaught(kind: type, error: BaseException, trace: object) -> None:
        logging.getLogger(__name__).critical("stopped", exc_info=(kind, error, trace))  # type: ignore[arg-type]

    sys.excepthook = log_uncaught
