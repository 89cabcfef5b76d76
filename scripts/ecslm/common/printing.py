"""Printing to standard output in any locale, and when nobody reads it any more.

Left out of code digests: an edit here computes no result again.
"""

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ecslm.common.errors import InputError


@contextmanager
def standard_output() -> Iterator[None]:
    """Print anything in this block, whatever the locale, and end quietly if nobody reads it.

    Text of models and names of files may have characters that the encoding of a terminal lacks.

    Raises:
        InputError: what was printed cannot be written, as to a full disk.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        yield
    except BrokenPipeError:
        # It may be of another pipe.
        if not _unread():
            raise
        _discard()
    except Exception:
        # It says more than that something could not be printed.
        with suppress(InputError):
            _flush()
        raise
    finally:
        _flush()


def _unread() -> bool:
    """Whether nobody reads any more what is printed, as after `| head`."""
    waiting = select.poll()
    waiting.register(sys.stdout.fileno(), 0)
    return waiting.poll(0) != []


def _flush() -> None:
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard()
    except OSError as error:
        _discard()
        raise InputError(f"standard output: {error.strerror}") from None


def _discard() -> None:
    """Discard what is left to print, so that Python does not try it again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
