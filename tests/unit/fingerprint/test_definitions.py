"""What counts of a module: each row is its text before and after an edit, which counts or not."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from support.small_tree import CIRCLE, SQUARE, WORK, digest

Make = Callable[..., Path]

IMPORTS = """
import argparse
import contextlib
import functools
import importlib
import logging
import re
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, Field, computed_field, model_validator
from tqdm import tqdm
from transformers import TrainerCallback

from ecslm.common.errors import InputError, Problem
from ecslm.shapes import circle, square

log = logging.getLogger(__name__)
"""


@pytest.fixture
def same(make: Make) -> Callable[[str, str], bool]:
    """Whether two texts of the module behind a script have one digest."""

    def compare(before: str, after: str) -> bool:
        roots = (make(files={WORK: IMPORTS + textwrap.dedent(text)}) for text in (before, after))
        one, two = (digest(root) for root in roots)
        return one == two

    return compare


def inside(body: str, rest: str = "", arguments: str = "size") -> str:
    """A module with a function of this body."""
    body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return f"{textwrap.dedent(rest)}\n\ndef run({arguments}):\n{body}\n"


USED = inside("return LIMIT", "LIMIT = {}")
CLASS = inside("return Thing()", "{}\nclass Thing({}):\n    {}")
RAISES = inside("raise {}")
CAUGHT = """
    try:
        helper(size)
    except ValueError as error:
        {}
"""
HELPER = 'def helper(size):\n    raise ValueError("{}")'
MIDDLE = f"def middle(size):{CAUGHT.format('raise InputError(str(error))')}"
PARSER = inside("parser = argparse.ArgumentParser({})\nparser.add_argument({})\nreturn parser")

SAME = {
    # Unused definitions
    "an unused function": (inside("return 1"), inside("return 1", "def other(): return run(2)")),
    "an edited unused function": (
        inside("return 1", "def other(): return 2"),
        inside("return 1", "def other(): return 3"),
    ),
    "an unused decorated function": (
        inside("return 1"),
        inside("return 1", "@functools.cache\ndef other(): return 2"),
    ),
    "unused constants": (
        inside("return 1"),
        inside(
            "return 1",
            """
            PATTERN = re.compile(r"x+")
            NAMES = frozenset(name for name in ("a", "b") if name)
            PATHS = [Path("a") / name for name in NAMES]
            TABLE = dict(zip("ab", (1, 2), strict=True)) | {"c": 3}
            Kind = Literal["a", "b"]
            T = TypeVar("T")
            LABEL = f"{PATTERN.pattern}: {len(NAMES)}" if NAMES else "".join(NAMES)
            HERE = Path(__file__).resolve().parents[1]
            """,
        ),
    ),
    "an unused class": (
        inside("return 1"),
        inside(
            "return 1",
            """
            @dataclass(frozen=True)
            class One:
                size: int = 1
                names: list[str] = field(default_factory=list)
                @property
                def double(self): return 2 * self.size
            class Two(BaseModel):
                size: int = Field(1, ge=0)
                @model_validator(mode="after")
                def _check(self): return self
            class Three(NamedTuple):
                a: str
            THREE = {"x": Three("y"), "z": Three(a="z")}
            ONE = One(3)
            class Four(TrainerCallback):
                def on_save(self): pass
            class Five(Protocol):
                size: int
            """,
        ),
    ),
    "an entry of an unused table": (
        inside("return 1", 'class A(NamedTuple):\n    a: int\nTABLE = {"x": A(1)}'),
        inside("return 1", 'class A(NamedTuple):\n    a: int\nTABLE = {"x": A(1), "y": A(2)}'),
    ),
    "an import in an unused function": (
        inside("return 1"),
        inside("return 1", "def other():\n    import ecslm.none\n    import torch"),
    ),
    "a function of the name of a local variable": (
        inside("other = size\nreturn other"),
        inside("other = size\nreturn other", "def other(): return 2"),
    ),
    "a function of the name of an argument": (
        inside("return [size for size in size]"),
        inside("return [size for size in size]", "def size(): return 2"),
    ),
    # Names
    "the name of a function that is only called": (
        inside("return helper(size)", "def helper(x): return x"),
        inside("return assistant(size)", "def assistant(x): return x"),
    ),
    "the name of a constant": (USED.format(3), USED.format(3).replace("LIMIT", "MOST")),
    "the place of an import": (
        inside("return circle.area(size)"),
        inside("from ecslm.shapes.circle import area\nreturn area(size)"),
    ),
    "an import that a function does not use": (inside("return 1"), inside("import json\nreturn 1")),
    # Annotations
    "the annotation of a local variable": (
        inside("a: int = 1\nreturn a"),
        inside("a = 1\nreturn a"),
    ),
    "the annotation of a constant": (USED.format(3), USED.format(3).replace("T =", "T: int =")),
    "annotations of methods": (
        CLASS.format("", "dict", "def f(self, a: int) -> str: return a"),
        CLASS.format("", "dict", "def f(self, a): return a"),
    ),
    "annotations under a decorator that does not read them": (
        CLASS.format("", "dict", "@functools.cached_property\n    def f(self) -> str: return 1"),
        CLASS.format("", "dict", "@functools.cached_property\n    def f(self) -> int: return 1"),
    ),
    # Logs
    "log arguments without effects": (
        inside("return size"),
        inside(
            """
            log.info("%s of %d", size, len(size.names), extra={"a": 1})
            log.debug("%s", f"{size!r:>3} {size.name}" if size else -size.part["a"])
            log.warning("%s", ", ".join(map(str, size.items())))
            log.error("%s", Path(size).name)
            log.exception(", ".join(sorted({str(one) for one in (1, 2)})))
            warnings.warn(f"{size}", stacklevel=2)
            return size
            """
        ),
    ),
    "a logger that is made twice": (
        inside("return size"),
        inside("log.info(size)\nreturn size", "import logging\nlog = logging.getLogger('a')"),
    ),
    "a log line in a loop, a handler and a branch": (
        inside("for a in size:\n    try:\n        a()\n    except OSError as e:\n        pass"),
        inside(
            """
            for a in size:
                try:
                    a()
                except OSError as e:
                    log.warning("%s", e)
                else:
                    log.info("fine")
            """
        ),
    ),
    # Errors
    "the words of an error": (RAISES.format('InputError("a")'), RAISES.format('InputError("b")')),
    "the words of an error of Python": (
        RAISES.format('ValueError(f"no {size}")'),
        RAISES.format('ValueError(f"{size:>3}: bad")'),
    ),
    "the values in an error's words": (
        RAISES.format('InputError(f"{size}: no such file")'),
        RAISES.format('InputError(f"{size.path}: none of {len(size)} files")'),
    ),
    "the words of several errors": (
        RAISES.format('InputError(*(f"{one}: bad" for one in size))'),
        RAISES.format('InputError(*(f"{one}: very " + "bad" for one in size))'),
    ),
    "the words of a problem": (
        RAISES.format('InputError(Problem(f"no {size}", size, kind="none"))'),
        RAISES.format('InputError(Problem("none", size, kind="none"))'),
    ),
    "the words of a returned error": (
        inside('return InputError("a" if size else "b")'),
        inside('return InputError("c" if size else "d")'),
    ),
    "joined words": (
        RAISES.format('InputError(", ".join(f"{a}!" for a in size))'),
        RAISES.format('InputError("; ".join(f"{a}?" for a in size))'),
    ),
    "words in a variable": (
        inside('message = f"no {size}"\nraise InputError(Problem(message, kind="a"))'),
        inside('message = f"{size} is none"\nraise InputError(Problem(message, kind="a"))'),
    ),
    "words in a list": (
        inside('bad = [f"no {a}" for a in size]\nif bad:\n    raise InputError(*bad)'),
        inside('bad = [f"{a}?" for a in size]\nif bad:\n    raise InputError(*bad)'),
    ),
    "words in a list that is named where it is asked for": (
        inside('if bad := [f"no {a}" for a in size]:\n    raise InputError(*bad)'),
        inside('if bad := [f"{a}?" for a in size]:\n    raise InputError(*bad)'),
    ),
    "the words of an assertion": (
        inside('assert size, "a"\nreturn size'),
        inside("assert size\nreturn size"),
    ),
    "words that become those of an error which nothing reads": (
        inside(CAUGHT.format('raise InputError(f"x: {error}") from None'), HELPER.format("a")),
        inside(CAUGHT.format('raise InputError(f"y: {error}") from None'), HELPER.format("b")),
    ),
    "words of an error that is caught unseen": (
        inside(CAUGHT.format("pass"), HELPER.format("a")),
        inside(CAUGHT.format("pass"), HELPER.format("b")),
    ),
    # Help
    "a description in a schema": (
        CLASS.format("", "BaseModel", 'a: int = Field(1, ge=0, description="a", title="b")'),
        CLASS.format("", "BaseModel", "a: int = Field(1, ge=0)"),
    ),
    "help of options": (
        PARSER.format('description=__doc__, epilog="a"', '"--a", help="b", metavar="C"'),
        PARSER.format("", '"--a"'),
    ),
    "help of options by a short name": (
        inside('add = argparse.ArgumentParser().add_argument\nadd("--a", help="a")'),
        inside('add = argparse.ArgumentParser().add_argument\nadd("--a", help="b")'),
    ),
    "the looks of a progress bar": (
        inside('return tqdm(size, desc="a", unit="b", disable=not sys.stderr.isatty())'),
        inside('return tqdm(size, desc="c", leave=False)'),
    ),
    # Writing
    "a string in pieces": (inside('return "a" f"{size}" "b"'), inside('return f"a{size}b"')),
    "an attribute's docstring": (
        CLASS.format("", "BaseModel", 'a: int = 1\n    """A."""'),
        CLASS.format("", "BaseModel", "a: int = 1"),
    ),
}

OTHER = {
    # Definitions that are used
    "a constant": (USED.format(3), USED.format(4)),
    "a table": (USED.format('{"a": 1}'), USED.format('{"a": 2}')),
    "the order of a table": (USED.format('{"a": 1, "b": 2}'), USED.format('{"b": 2, "a": 1}')),
    "a pattern": (USED.format('re.compile("a+")'), USED.format('re.compile("a*")')),
    "a constant by another": (
        inside("return B", "A = 1\nB = A + 1"),
        inside("return B", "A = 2\nB = A + 1"),
    ),
    "a default": (inside("return size"), inside("return size", arguments="size=1")),
    "a default by name": (
        inside("return size", "A = 1", "size=A"),
        inside("return size", "A = 2", "size=A"),
    ),
    "a decorator": (inside("return 1"), inside("return 1").replace("def", "@functools.cache\ndef")),
    "a class attribute": (CLASS.format("", "dict", "a = 1"), CLASS.format("", "dict", "a = 2")),
    "a class attribute of a constant's name": (
        inside("return Thing", "A = B = C = 1\nclass Thing:\n    A = 2"),
        inside("return Thing", "A = B = C = 1\nclass Thing:\n    B = 2"),
    ),
    "a method": (
        CLASS.format("", "dict", "def f(self): return 1"),
        CLASS.format("", "dict", "def f(self): return 2"),
    ),
    "a base": (CLASS.format("", "dict", "pass"), CLASS.format("", "list", "pass")),
    "the name of a class": (
        CLASS.format("", "BaseModel", "a: int"),
        CLASS.format("", "BaseModel", "a: int").replace("Thing", "Object"),
    ),
    "a field's type": (
        CLASS.format("", "BaseModel", "a: int"),
        CLASS.format("", "BaseModel", "a: str"),
    ),
    "a field's type by name": (
        CLASS.format("Kind = Literal['a']", "BaseModel", "a: Kind"),
        CLASS.format("Kind = Literal['b']", "BaseModel", "a: Kind"),
    ),
    "a field's type, quoted": (
        CLASS.format("Kind = Literal['a']", "BaseModel", "a: 'list[Kind]'"),
        CLASS.format("Kind = Literal['b']", "BaseModel", "a: 'list[Kind]'"),
    ),
    "a field's bound": (
        CLASS.format("", "BaseModel", "a: int = Field(1, ge=0)"),
        CLASS.format("", "BaseModel", "a: int = Field(1, ge=1)"),
    ),
    "the name of a function that is handed on": (
        inside("return [helper]", "def helper(x): return x"),
        inside("return [assistant]", "def assistant(x): return x"),
    ),
    "the annotation of a function that is handed on": (
        inside("return [helper]", "def helper(x: int): return x"),
        inside("return [helper]", "def helper(x: str): return x"),
    ),
    "an annotation under a decorator that reads it": (
        CLASS.format("", "BaseModel", "@computed_field\n    def f(self) -> int: return 1"),
        CLASS.format("", "BaseModel", "@computed_field\n    def f(self) -> str: return 1"),
    ),
    "annotations where something reads them": (
        inside(
            "import inspect\nreturn inspect.signature(size), helper(1)", "def helper(x: int): ..."
        ),
        inside(
            "import inspect\nreturn inspect.signature(size), helper(1)", "def helper(x: str): ..."
        ),
    ),
    "which of two equal constants": (
        inside("A.append(1)\nB.append(2)\nreturn A", "A = []\nB = []"),
        inside("A.append(1)\nB.append(2)\nreturn B", "A = []\nB = []"),
    ),
    "one constant instead of two equal ones": (
        inside("A.append(1)\nreturn B", "A = []\nB = []"),
        inside("A.append(1)\nreturn A", "A = []\nB = []"),
    ),
    "which function is called": (
        inside("return one(two(size))", "def one(x): return x + 1\ndef two(x): return x * 2"),
        inside("return two(one(size))", "def one(x): return x + 1\ndef two(x): return x * 2"),
    ),
    "which of two modules": (inside("return circle.area(1)"), inside("return square.area(1)")),
    "a global variable": (
        inside("global A\nA = 1\nreturn helper()", "A = 0\ndef helper(): return A"),
        inside("A = 1\nreturn helper()", "A = 0\ndef helper(): return A"),
    ),
    "a recursive function": (
        inside("return run(size - 1) if size else 0"),
        inside("return run(size - 2) if size else 0"),
    ),
    # Statements
    "a call": (inside("return 1"), inside("return 1", "print(1)")),
    "a change of an unused constant": (
        inside("return 1", "A = []"),
        inside("return 1", "A = []\nA.append(1)"),
    ),
    "a constant made by a function": (
        inside("return 1", "def helper(): return 1"),
        inside("return 1", "def helper(): return 1\nA = helper()"),
    ),
    "a function behind an unused constant": (
        inside("return 1", "def helper(): return 1\nA = helper()"),
        inside("return 1", "def helper(): return 2\nA = helper()"),
    ),
    "a decorator that may register": (
        inside("return 1", "def register(f): return f\ndef helper(): return 1"),
        inside("return 1", "def register(f): return f\n@register\ndef helper(): return 1"),
    ),
    "what a decorator registers": (
        inside("return 1", "def register(f): return f\n@register\ndef helper(): return 1"),
        inside("return 1", "def register(f): return f\n@register\ndef helper(): return 2"),
    ),
    "a class that its base registers": (
        inside("return 1", "class A:\n    def __init_subclass__(cls): print(cls)"),
        inside(
            "return 1", "class A:\n    def __init_subclass__(cls): print(cls)\nclass B(A): pass"
        ),
    ),
    "a class of a metaclass": (
        inside("return 1"),
        inside("return 1", "class A(metaclass=Meta): pass"),
    ),
    "a class of an unknown base": (
        inside("return 1"),
        inside("return 1", "import yaml\nclass A(yaml.YAMLObject): pass"),
    ),
    "a statement in an unused class": (
        inside("return 1", "class A: pass"),
        inside("return 1", "class A:\n    print(1)"),
    ),
    "an object with a constructor": (
        inside("return 1", "class A:\n    def __init__(self): print(1)"),
        inside("return 1", "class A:\n    def __init__(self): print(1)\nB = A()"),
    ),
    "a default that calls": (
        inside("return 1", "def helper(a=1): return a"),
        inside("return 1", "def helper(a=print(1)): return a"),
    ),
    "an annotation that calls": (
        inside("return 1", "def helper(a: int): return a\nA = [helper]\nprint(A)"),
        inside("return 1", "def helper(a: print(1)): return a\nA = [helper]\nprint(A)"),
    ),
    "an iterator that is used up": (
        inside("return list(A)", "A = iter((1, 2))"),
        inside("return list(A)", "A = iter((1, 2))\nB = next(A)"),
    ),
    "an environment variable": (
        inside("return 1"),
        inside("return 1", "import os\nos.environ['A'] = '1'"),
    ),
    "a name bound twice": (
        inside("return 1", "def helper(): return 1"),
        inside("return 1", "def helper(): return 1\ndef helper(): return 2"),
    ),
    "a loop": (inside("return 1"), inside("return 1", "for a in range(3): pass")),
    "a fallback": (
        inside("return A", "try:\n    import fast as A\nexcept ImportError:\n    A = 1"),
        inside("return A", "try:\n    import fast as A\nexcept ImportError:\n    A = 2"),
    ),
    "which of two names of a statement": (
        inside("return A", "A, B = object(), object()"),
        inside("return B", "A, B = object(), object()"),
    ),
    "a future": ("", "from __future__ import annotations\n"),
    # Logs
    "a log call with an effect": (
        inside("return size"),
        inside("log.info(size.pop())\nreturn size"),
    ),
    "a log call that binds": (
        inside('log.info("%s", size)\nreturn size'),
        inside('log.info("%s", size := 1)\nreturn size'),
    ),
    "a log call that uses up": (
        inside("return size"),
        inside("log.info('%s', list(size))\nreturn size"),
    ),
    "a log call that uses up by a star": (
        inside("return size"),
        inside("log.info(*size)\nreturn size"),
    ),
    "a log call that joins what may be used up": (
        inside("return size"),
        inside('log.info(", ".join(size))\nreturn size'),
    ),
    "a log call that calls": (
        inside("return size", "def helper(x): x.clear()"),
        inside("log.info(helper(size))\nreturn size", "def helper(x): x.clear()"),
    ),
    "a log call whose result is used": (inside("return size"), inside("return log.info(size)")),
    "a log that is an argument": (
        inside("return size", arguments="size, log"),
        inside("log.info(size)\nreturn size", arguments="size, log"),
    ),
    "a log that is rebound": (
        inside("global log\nlog = size\nreturn size"),
        inside("global log\nlog = size\nlog.info(size)\nreturn size"),
    ),
    "a log that is a list": (
        inside("return size", "records = Recorder()"),
        inside("records.info(size)\nreturn size", "records = Recorder()"),
    ),
    "a warning with an effect": (
        inside("return size"),
        inside("warnings.warn(str(size.pop()), stacklevel=2)\nreturn size"),
    ),
    "a name of Python that is the module's": (
        inside("return size", "def len(x): x.clear()"),
        inside("log.info(len(size))\nreturn size", "def len(x): x.clear()"),
    ),
    # Errors
    "which error": (RAISES.format('ValueError("a")'), RAISES.format('TypeError("a")')),
    "the kind of a problem": (
        RAISES.format('InputError(Problem("a", kind="b"))'),
        RAISES.format('InputError(Problem("a", kind="c"))'),
    ),
    "the payload of another error": (
        RAISES.format('SystemExit("a")'),
        RAISES.format('SystemExit("b")'),
    ),
    "the payload of the project's own errors": (
        inside('raise Bad("a")', "class Bad(Exception): pass"),
        inside('raise Bad("b")', "class Bad(Exception): pass"),
    ),
    "a key in an error's message": (
        RAISES.format("InputError(size['a'])"),
        RAISES.format("InputError(size['b'])"),
    ),
    "an effect in an error's message": (
        RAISES.format('InputError(f"{size}")'),
        RAISES.format('InputError(f"{size.pop()}")'),
    ),
    "words in a variable that is used otherwise": (
        inside('message = "a"\nif size:\n    raise InputError(message)\nreturn message'),
        inside('message = "b"\nif size:\n    raise InputError(message)\nreturn message'),
    ),
    "words in a variable that decides": (
        inside('message = "a"\nif message:\n    raise InputError(message)'),
        inside('message = ""\nif message:\n    raise InputError(message)'),
    ),
    "words in a variable that another function has": (
        inside('message = "a"\ndef f(): return message\nraise InputError(message, f)'),
        inside('message = "b"\ndef f(): return message\nraise InputError(message, f)'),
    ),
    "words in a variable that is added to": (
        inside('message = "a"\nmessage += size\nraise InputError(message)'),
        inside('message = "b"\nmessage += size\nraise InputError(message)'),
    ),
    "words in a global variable": (
        inside('global message\nmessage = "a"\nraise InputError(message)'),
        inside('global message\nmessage = "b"\nraise InputError(message)'),
    ),
    "the condition of words in a list": (
        inside('bad = [f"no {a}" for a in size if a]\nif bad:\n    raise InputError(*bad)'),
        inside('bad = [f"no {a}" for a in size]\nif bad:\n    raise InputError(*bad)'),
    ),
    "words that a handler reads": (
        inside(CAUGHT.format("return str(error)"), HELPER.format("a")),
        inside(CAUGHT.format("return str(error)"), HELPER.format("b")),
    ),
    "words that decide": (
        inside(CAUGHT.format('if "a" in str(error): return 1'), HELPER.format("a")),
        inside(CAUGHT.format('if "a" in str(error): return 1'), HELPER.format("b")),
    ),
    "words that reach a payload": (
        inside(CAUGHT.format("raise SystemExit(str(error))"), HELPER.format("a")),
        inside(CAUGHT.format("raise SystemExit(str(error))"), HELPER.format("b")),
    ),
    "words that reach an error which is read": (
        inside(
            "try:\n    middle(size)\nexcept InputError as error:\n    return error.problems",
            f"{MIDDLE}\n{HELPER.format('a')}",
        ),
        inside(
            "try:\n    middle(size)\nexcept InputError as error:\n    return error.problems",
            f"{MIDDLE}\n{HELPER.format('b')}",
        ),
    ),
    "words of any error that is read": (
        inside(
            CAUGHT.format("return error").replace("ValueError", "Exception"), HELPER.format("a")
        ),
        inside(
            CAUGHT.format("return error").replace("ValueError", "Exception"), HELPER.format("b")
        ),
    ),
    "words of errors of a name for several": (
        inside(
            CAUGHT.format("return error").replace("ValueError", "BAD"),
            "BAD = (OSError, ValueError)\n" + HELPER.format("a"),
        ),
        inside(
            CAUGHT.format("return error").replace("ValueError", "BAD"),
            "BAD = (OSError, ValueError)\n" + HELPER.format("b"),
        ),
    ),
    "words read by another way": (
        inside(
            "try:\n    helper(1)\nexcept ValueError:\n    return sys.exc_info()", HELPER.format("a")
        ),
        inside(
            "try:\n    helper(1)\nexcept ValueError:\n    return sys.exc_info()", HELPER.format("b")
        ),
    ),
    # Help
    "a function's docstring as data": (
        inside("return helper.__doc__", 'def helper():\n    """A."""'),
        inside("return helper.__doc__", 'def helper():\n    """B."""'),
    ),
    "a description that is read": (
        inside(
            "return A.model_json_schema()",
            'class A(BaseModel):\n    a: int = Field(description="a")',
        ),
        inside(
            "return A.model_json_schema()",
            'class A(BaseModel):\n    a: int = Field(description="b")',
        ),
    ),
    "a description that is read of its field": (
        inside(
            'return A.model_fields["a"].description',
            'class A(BaseModel):\n    a: int = Field(description="a")',
        ),
        inside(
            'return A.model_fields["a"].description',
            'class A(BaseModel):\n    a: int = Field(description="b")',
        ),
    ),
    "annotations of methods in a class whose decorator may read them": (
        inside("return A()", "@register\nclass A:\n    def f(self) -> int: ..."),
        inside("return A()", "@register\nclass A:\n    def f(self) -> str: ..."),
    ),
    "an option's default": (
        PARSER.format("", '"--a", default=1'),
        PARSER.format("", '"--a", default=2'),
    ),
    "help that does something": (
        PARSER.format("", '"--a"'),
        PARSER.format("", '"--a", help=print(1)'),
    ),
    "a keyword `help` of something else": (
        inside('return helper(help="a")', "def helper(help): return help"),
        inside('return helper(help="b")', "def helper(help): return help"),
    ),
    "where a progress bar starts": (
        inside("return tqdm(size, total=1)"),
        inside("return tqdm(size, total=2)"),
    ),
    # Found at run time
    "a module handed on": (inside("return circle"), inside("return square")),
    "a module by a literal name": (
        inside('return importlib.import_module("ecslm.shapes.circle")'),
        inside('return importlib.import_module("ecslm.shapes.square")'),
    ),
    "eval": (inside("return 1", "A = 1"), inside("return eval(size)", "A = 1")),
    "what eval may find": (
        inside("return eval(size)", "A = 1"),
        inside("return eval(size)", "A = 2"),
    ),
    "what globals has": (inside("return globals()", "A = 1"), inside("return globals()", "A = 2")),
    "what vars has": (
        inside("return A", "A = vars()\nB = 1"),
        inside("return A", "A = vars()\nB = 2"),
    ),
    "what sys.modules leads to": (
        inside("return sys.modules[size]", "A = 1"),
        inside("return sys.modules[size]", "A = 2"),
    ),
    "a lambda": (USED.format("lambda x: x"), USED.format("lambda x: -x")),
    "a local of the same name": (inside("return A", "A = 1"), inside("A = 1\nreturn A", "A = 1")),
    "None and True": (inside("return None"), inside("return True")),
    "a number's type": (inside("return 1"), inside("return 1.0")),
    "bytes and text": (inside('return "a"'), inside('return b"a"')),
    "an operator": (inside("return size + 1"), inside("return size - 1")),
    "a conversion": (inside('return f"{size!r}"'), inside('return f"{size}"')),
    "a format": (inside('return f"{size:>3}"'), inside('return f"{size:>4}"')),
    "await": (inside("return 1"), inside("return 1").replace("def", "async def")),
}


@pytest.mark.parametrize("what", SAME)
def test_this_counts_for_nothing(what: str, same: Callable[[str, str], bool]) -> None:
    assert same(*SAME[what])


@pytest.mark.parametrize("what", OTHER)
def test_this_counts(what: str, same: Callable[[str, str], bool]) -> None:
    assert not same(*OTHER[what])


# Found at run time

FOUND = {
    "a module handed on": "from ecslm.shapes import circle\n\n\n"
    "def run(size):\n    return use(circle)",
    "getattr": "from ecslm.shapes import circle\n\n\n"
    "def run(size):\n    return getattr(circle, size)",
    "vars": "import ecslm.shapes.circle as c\n\n\ndef run(size):\n    return vars(c)",
    "a literal name": "import importlib\n\n\ndef run(size):\n"
    '    return importlib.import_module("ecslm.shapes.circle")',
    "__import__": 'def run(size):\n    return __import__("ecslm.shapes.circle")',
    "a star": "from ecslm.shapes.circle import *\n\n\ndef run(size):\n    return area(size)",
    "a relative import": "from .shapes import circle\n\n\n"
    "def run(size):\n    return circle.area(1)",
    "an import in a function": "def run(size):\n"
    "    from ecslm.shapes.circle import area\n    area(1)",
    "an import in a block": "if True:\n    from ecslm.shapes.circle import area\n\n\n"
    "def run(size):\n    return area(size)",
    "an import in a class": "class A:\n    from ecslm.shapes.circle import area\n\n\n"
    "def run(size):\n    return A()",
    "sys.modules": "import sys\nimport ecslm.shapes.circle\n\n\ndef run(size):\n"
    "    return sys.modules[size]",
}


@pytest.mark.parametrize("how", FOUND)
def test_a_definition_is_found_through(how: str, make: Make) -> None:
    before = make(files={WORK: FOUND[how]})
    assert digest(before) != digest(make((CIRCLE, "3.14", "3"), files={WORK: FOUND[how]}))
    assert digest(before) == digest(make((SQUARE, "r * r", "r + r"), files={WORK: FOUND[how]}))


@pytest.mark.parametrize("how", ["getattr", "a star", "a literal name"])
def test_a_name_that_a_whole_module_imports_counts(how: str, make: Make) -> None:
    other = {
        WORK: FOUND[how].replace("area(size)", "other(size)") + "\n\nX = use.other\nprint(X)\n",
        CIRCLE: "from math import sin as other\n",
    }
    assert digest(make(files=other)) != digest(make((CIRCLE, "sin", "cos"), files=other))


def test_a_docstring_that_is_data_counts(make: Make) -> None:
    code = {WORK: '"""A."""\n\n\ndef run(size):\n    return __doc__'}
    assert digest(make(files=code)) != digest(make((WORK, "A.", "B."), files=code))


def test_an_import_that_a_function_makes_global_is_followed(make: Make) -> None:
    code = {
        WORK: "def run(size):\n    load()\n    return circle.area(size)\n\n\n"
        "def load():\n    global circle\n    from ecslm.shapes import circle\n"
    }
    assert digest(make(files=code)) != digest(make((CIRCLE, "3.14", "3"), files=code))


def test_a_helper_beside_the_scripts_counts(make: Make) -> None:
    files = {
        "helpers.py": "def run(size):\n    return size\n",
        "job.py": "from helpers import run\n\nrun(1)\n",
    }
    before = digest(make(files=files))
    assert before != digest(make(("helpers.py", "return size", "return -size"), files=files))


@pytest.mark.parametrize("library", ["random", "torch", "logging"])
def test_a_module_that_shadows_a_library_counts(library: str, make: Make) -> None:
    shadow = {
        f"{library}.py": "def use():\n    return 1\n\n\ndef getLogger(name):\n    return use\n",
        "job.py": f"import {library}\n\n{library}.use()\nprint({library}.getLogger)\n",
    }
    before = digest(make(files=shadow))
    assert before != digest(make((f"{library}.py", "return 1", "return 2"), files=shadow))


def test_a_module_that_shadows_one_of_pythons_own_counts_even_if_only_others_import_it(
    make: Make,
) -> None:
    shadow = {"random.py": "def seed():\n    return 1\n"}
    assert digest(make(files=shadow)) != digest(make())
    assert digest(make(files=shadow)) != digest(
        make(("random.py", "return 1", "return 2"), files=shadow)
    )


def test_a_logger_of_a_module_that_shadows_logging_is_none(make: Make) -> None:
    shadow = {"logging.py": "def getLogger(name):\n    return Recorder()\n"}
    assert digest(make((WORK, '"size %d"', '"%d"'), files=shadow)) != digest(make(files=shadow))


def test_where_a_file_lies_counts_for_code_that_asks(make: Make) -> None:
    code = "from pathlib import Path\n\nHERE = Path(__file__).parent\n"
    files = {
        "ecslm/here.py": code,
        WORK: "from ecslm.here import HERE\n\n\ndef run(size): return HERE",
    }
    moved = {
        "ecslm/shapes/here.py": code,
        WORK: "from ecslm.shapes.here import HERE\n\n\ndef run(size): return HERE",
    }
    assert digest(make(files=files)) != digest(make(files=moved))


def test_a_module_left_out_counts_by_where_it_is_used_and_not_by_what_it_does(make: Make) -> None:
    code = {
        "ecslm/common/logs.py": "def start_log():\n    print(1)\n\n\ndef stop_log(): pass\n",
        WORK: "from ecslm.common.logs import start_log, stop_log\n\n\n"
        "def run(size):\n    start_log()\n",
    }
    before = digest(make(files=code))
    assert before == digest(make(("ecslm/common/logs.py", "print(1)", "print(2)"), files=code))
    assert before != digest(make((WORK, "    start_log()", "    stop_log()"), files=code))
