"""Finds errors whose words the code itself reads, so that the words can reach a result."""

import ast
import builtins
from collections.abc import Iterable, Sequence

from ecslm.fingerprint import known
from ecslm.fingerprint.modules import Module
from ecslm.fingerprint.names import Names
from ecslm.fingerprint.text import Handler, Reference

ALL = known.WORDED | {known.INPUT_ERROR}
# pydantic makes one of these of what a validator raises.
IN_VALIDATORS = frozenset({"AssertionError", "ValueError"})


def words_read(
    names: Names, handlers: Sequence[tuple[Module, Handler]], any_error: bool
) -> frozenset[str]:
    """The errors, of those whose arguments are words, that some handler does more with than to pass
    their words on to an error whose words nothing reads."""
    if any_error:
        return ALL
    caught = [(handler, _caught(names, module, handler)) for module, handler in handlers]
    read: set[str] = set()
    while True:
        more = {
            error
            for handler, errors in caught
            if handler.read or handler.passed_on & read
            for error in errors
        }
        if more <= read:
            return frozenset(read)
        read |= more


def _caught(names: Names, module: Module, handler: Handler) -> frozenset[str]:
    """The errors that a handler may catch."""
    found = (_errors(names, module, one) for one in handler.caught)
    return frozenset().union(*found)


def _errors(names: Names, module: Module, caught: Reference | str | None) -> Iterable[str]:
    if caught is None:
        return ALL
    if isinstance(caught, Reference):
        return _named(names, module, caught)
    kind = getattr(builtins, caught, Exception)
    return {
        error
        for error in ALL
        if issubclass(getattr(builtins, error, Exception), kind) or kind is Exception
    }


def _named(names: Names, module: Module, caught: Reference) -> Iterable[str]:
    errors: set[str] = set()
    for node, label in names.targets(module, caught):
        if node is None:
            errors |= IN_VALIDATORS if label.endswith(".ValidationError") else set()
            continue
        home = names.module(node.module)
        statement = home.statements[node.number] if node.number >= 0 else None
        if not isinstance(statement, ast.ClassDef):
            return ALL
        errors |= {statement.name} & ALL
    return errors
