"""Code in canonical form: what it does, without layout, words for people, and the names of others.

Names that a module binds are replaced by numbers, in the order of their use; the digest of a
definition puts what they refer to in their place. So the text does not depend on where a definition
stands or how it is imported.
"""

import ast
from dataclasses import dataclass, field
from typing import NamedTuple

from ecslm.fingerprint.scopes import Import


class Reference(NamedTuple):
    """A name of the module, or of an import in a function, with the attributes that follow."""

    name: str
    path: tuple[str, ...]
    called: bool
    imported: tuple[Import, ...] = ()


@dataclass
class Handler:
    """`except ... as name`: which errors it catches, and what becomes of their words."""

    name: str
    # Names of errors; None if that is not an error known by its name.
    caught: list[Reference | str | None]
    read: bool = False
    # Errors that have its words in theirs.
    passed_on: set[str] = field(default_factory=set)


@dataclass
class Text:
    """Code in canonical form."""

    code: str = ""
    # In the order of their numbers.
    references: tuple[Reference, ...] = ()
    # What is left out unless something reads it, by what that is.
    words: tuple[tuple[str, str], ...] = ()
    handlers: tuple[Handler, ...] = ()
    # Imports in functions.
    imports: tuple[Import, ...] = ()
    # Attributes, and strings that are names: by these things are found at run time.
    mentions: frozenset[str] = frozenset()


def chain(node: ast.AST) -> tuple[str, ...]:
    """The names of `a.b.c`; empty for anything else."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute) and (above := chain(node.value)):
        return (*above, node.attr)
    return ()
