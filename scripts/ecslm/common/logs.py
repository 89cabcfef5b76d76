"""Log messages: plain lines in a log file and on stderr."""

import logging
import os
import sys
import warnings
from logging.handlers import BufferingHandler
from pathlib import Path

from ecslm.common.locks import RUN_VARIABLE

STDERR = 2


def start_log(path: Path | None) -> None:
    """Log the messages of this process to stderr and to `path`.

    On a terminal, where progress bars are shown, and in a run stderr gets only warnings and errors.

    In a run all else that is written to stderr goes to `path`, where the run looks for the reason
    when the job fails: the lines of an `InputError`, and the last words of a library.
    """
    console = logging.StreamHandler(sys.stderr)
    in_run = path is not None and RUN_VARIABLE in os.environ
    console.setLevel(logging.WARNING if in_run or sys.stderr.isatty() else logging.INFO)
    handlers: list[logging.Handler] = [console]
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Emptied, then appended to: a job that outlived its Snakemake may still write to it.
        path.write_text("", encoding="utf-8")
        handlers.append(logging.FileHandler(path, mode="a", encoding="utf-8"))
        if in_run:
            console.setStream(os.fdopen(os.dup(STDERR), "w", encoding="utf-8", errors="replace"))
            with path.open("ab") as stream:
                os.dup2(stream.fileno(), STDERR)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers
    )
    logging.captureWarnings(True)
    # Hide what libraries log for their developers. transformers reads its level from the
    # environment when it is imported.
    warnings.simplefilter("ignore", FutureWarning)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if in_run:
        # Bars of libraries, which tqdm reads when it is imported.
        os.environ.setdefault("TQDM_DISABLE", "1")
    for library in ("httpx", "httpx2", "bitsandbytes", "accelerate"):
        logging.getLogger(library).setLevel(logging.ERROR)


def collect_log() -> BufferingHandler:
    """Collect messages in the buffer of a handler, in a process that was forked from another.

    The handlers that it has inherited are the other's. What libraries print goes to the file of
    `start_log` alone, or nowhere, but never to the other's stdout and stderr, which may be pipes.
    """
    root = logging.getLogger()
    files = [one.stream for one in root.handlers if isinstance(one, logging.FileHandler)]
    nowhere = os.open(os.devnull, os.O_RDWR)
    output = files[0].fileno() if files and files[0] else nowhere
    for stream, target in ((0, nowhere), (1, output), (2, output)):
        os.dup2(target, stream)
    collected = BufferingHandler(sys.maxsize)
    root.handlers = [collected]
    return collected
