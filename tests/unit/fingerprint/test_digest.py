"""Digests of code: blind to words, layout, names and places, alert to what code does.

That each small edit of what a job runs is noticed, test_traced.py shows on the project's own code.
"""

import ast
import re
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from support.edits import commented, in_python, with_more_log_lines
from support.project import ROOT, SCRIPTS

from ecslm.common.files import write_text
from ecslm.fingerprint.digest import Code, Node, code_of

WORK, CIRCLE, SQUARE = "ecslm/work.py", "ecslm/shapes/circle.py", "ecslm/shapes/square.py"
# A script, and modules that are made of these.
TREE = {
    "job.py": "from ecslm.work import run\n\n\ndef main():\n    print(run(2))\n\n\nmain()\n",
    "ecslm/__init__.py": "",
    WORK: "from ecslm.shapes import circle\n\n\ndef run(size):\n    return circle.area(size)\n",
    "ecslm/shapes/__init__.py": "",
    CIRCLE: "def area(r):\n    return 3.14 * r\n",
    SQUARE: "def area(r):\n    return r * r\n",
}
Make = Callable[[dict[str, str]], Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes the tree, with other or more files, in a folder of its own."""

    def tree(files: dict[str, str]) -> Path:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, text in {**TREE, **files}.items():
            write_text(root / name, text)
        return root

    return tree


def digest(root: Path, *modules: str) -> str:
    return code_of(root).digest("job.py", modules)


# The project's own code


def private_names_changed(text: str) -> str:
    """Another name for each function whose name starts with an underscore."""
    names = re.findall(r"^def (_\w+)", text, re.MULTILINE)
    return re.sub(rf"(?<![\w.])({'|'.join(names)})\b", r"\1_renamed", text) if names else text


def in_other_words(text: str) -> str:
    """Other docstrings, annotations of what functions return, words of errors, layout, and order of
    imports and functions."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(decorator_list=[], returns=ast.expr()):
                node.returns = ast.Constant("Anything")
            case ast.Raise(exc=ast.Call(func=ast.Name(id="InputError"), args=[argument])):
                for part in (x for x in ast.walk(argument) if isinstance(x, ast.JoinedStr)):
                    part.values.append(ast.Constant(", in other words"))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            del node.body[: int(ast.get_docstring(node) is not None)]
            node.body.insert(0, ast.Expr(ast.Constant("Other words.")))
    for kinds in ((ast.Import, ast.ImportFrom), (ast.FunctionDef,)):
        ones = [x for x in tree.body if isinstance(x, kinds)]
        ones = [x for x in ones if not getattr(x, "decorator_list", ())]
        places = [tree.body.index(one) for one in ones]
        for place, one in zip(places, reversed(ones), strict=True):
            tree.body[place] = one
    return ast.unparse(tree) + "\n"


def with_more_definitions(text: str) -> str:
    """Definitions that nothing uses, at the end."""
    return f"{text}\n\nUNUSED = 1\n\n\ndef unused():\n    return UNUSED\n"


CHANGES = (in_other_words, private_names_changed, with_more_log_lines, commented)
# Loaded by name, so that all definitions count.
MODULES = {
    "predict.py": ("ecslm.families.transformers.backend",),
    "score.py": ("ecslm.scoring.metrics.ndcg",),
}

RULES = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
JOBS = {name for path in RULES for name in re.findall(r"scripts/(\w+\.py)", path.read_text())}


def digests(root: Path) -> dict[str, str]:
    code = Code(root)
    return {script: code.digest(script, MODULES.get(script, ())) for script in JOBS}


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return digests(SCRIPTS)


def test_no_digest_of_the_project_depends_on_words_layout_names_or_places(
    before: dict[str, str], tmp_path: Path
) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=ignored)
    for change in CHANGES:
        in_python(change)(tmp_path)
    # Not in modules whose definitions all count.
    in_python(with_more_definitions, "scripts/ecslm/common")(tmp_path)
    after = digests(tmp_path / "scripts")
    assert {script for script in before if before[script] != after[script]} == set()


@pytest.mark.parametrize("script", ["predict.py", "score.py"])
def test_no_edit_of_what_a_script_does_not_reach_changes_its_digest(
    script: str, before: dict[str, str], tmp_path: Path
) -> None:
    reached = code_of(SCRIPTS).reached(script, MODULES.get(script, ()))
    edited = 0
    for path in sorted(SCRIPTS.rglob("*.py")):
        file = path.relative_to(SCRIPTS)
        module, tree = ".".join(file.with_suffix("").parts), ast.parse(path.read_text())
        for one in tree.body:
            unused = (Node(module, getattr(one, "name", "")) not in reached) and file.name != script
            if unused and isinstance(one, ast.FunctionDef | ast.ClassDef):
                one.body += ast.parse("edited = print()").body
                edited += 1
        write_text(tmp_path / file, ast.unparse(tree))
    assert edited > 1000
    assert Code(tmp_path).digest(script, MODULES.get(script, ())) == before[script]


# Small modules: the text behind a script before and after an edit

IMPORTS = """
import logging
import warnings
from ecslm.common.errors import InputError, Problem
from ecslm.common.logs import start_log, stop_log
from ecslm.shapes import circle, square

log = logging.getLogger(__name__)
"""


def run(body: str) -> str:
    """A module with a function of this body, and what stands before it with a `|` at the end."""
    *before, body = body.split("|\n")
    return f"{''.join(before)}\n\ndef run(size):\n{textwrap.indent(body, '    ')}\n"


EMPTY_LISTS = "A = []\nB = []|\nA.append(1)\n"
READ = "class A:\n    @computed_field\n    def f(self) -> {}: return 1|\nreturn A"
# Two bodies of a function.
SAME = {
    "an import in the function": (
        "return circle.area(size)",
        "from ecslm.shapes.circle import area\nreturn area(size)",
    ),
    "a block of nothing but words": (
        "if size:\n    pass\nreturn 1",
        "if size:\n    log.info('large')\nelse:\n    'Words.'\nreturn 1",
    ),
    "a logger": ("return 1", "log.debug('%d', size.x)\nwarnings.warn('a')\nreturn 1"),
    "the names of definitions": (
        "ONE = 1\nTWO = 2\ndef f(x): return x and f(x - 1)|\nreturn ONE + f(TWO)",
        "B = 2\nA = 1\ndef b(x): return x and b(x - 1)|\nreturn A + b(B)",
    ),
    "an annotation": ("A: int = 1|\nreturn A", "A = 1|\nreturn A"),
    "the kind of an error in words": (
        "raise InputError(Problem('a', kind='a'))",
        "raise InputError(Problem('a', kind='b'))",
    ),
    "the words of an error": (
        "raise InputError(*(Problem(f'no {one}', 'a', kind='b') for one in size))",
        "raise InputError(*(Problem(f'{one}: none', 'c', kind='b') for one in size))",
    ),
}
OTHER = {
    "the words of an error that is not raised": (
        "return InputError('a')",
        "return InputError('b')",
    ),
    "a log line that calls something": ("log.info(size())", "pass"),
    "the order of a table": ("A = {1: 1, 2: 2}|\nreturn A", "A = {2: 2, 1: 1}|\nreturn A"),
    "one of two values": ("A, B = 1, 2|\nreturn A", "A, B = 1, 2|\nreturn B"),
    "which of two equal constants": (f"{EMPTY_LISTS}return A, B", f"{EMPTY_LISTS}return B, A"),
    "one constant instead of two": (f"{EMPTY_LISTS}return B", f"{EMPTY_LISTS}return A"),
    "which module": ("return circle", "return square"),
    "a class attribute of a constant's name": (
        "A = B = 1\nclass T:\n    A = 2|\nreturn T",
        "A = B = 1\nclass T:\n    B = 2|\nreturn T",
    ),
    "the name of a class": ("class A: pass|\nreturn A", "class B: pass|\nreturn B"),
    "a field's type by name": (
        "T = int\nclass A:\n    a: T|\nreturn A",
        "T = str\nclass A:\n    a: T|\nreturn A",
    ),
    "an annotation that a decorator reads": (READ.format("int"), READ.format("str")),
    "which option has a default": (
        "def f(*, a, b=1): pass|\nreturn f",
        "def f(*, a=1, b): pass|\nreturn f",
    ),
    "a statement of the module": ("return 1", "print(1)|\nreturn 1"),
    "where a module that is left out is used": ("start_log()", "stop_log()"),
}


@pytest.mark.parametrize("what", [*SAME, *OTHER])
def test_this_counts_or_counts_for_nothing(what: str, make: Make) -> None:
    roots = [make({WORK: IMPORTS + run(text)}) for text in {**SAME, **OTHER}[what]]
    assert (digest(roots[0]) == digest(roots[1])) == (what in SAME)


FOUND = {
    "a module that is handed on": "return use(circle)",
    "getattr": "return getattr(circle, size)",
    "another module that imports it": "from ecslm.more import again\nreturn again(size)",
    "a local name that is the module's elsewhere": (
        "from ecslm.shapes.circle import area|\ndef other(area): return area\nreturn area(size)"
    ),
    "a constant": "A = circle.area|\nreturn A",
    "an argument of the words of an error": "raise InputError(f'no {circle.area(size)}')",
}
OTHER_AREA = TREE[CIRCLE].replace("3.14", "3")


@pytest.mark.parametrize("how", FOUND)
def test_a_definition_is_found_through(how: str, make: Make) -> None:
    more = {"ecslm/more.py": "from ecslm.shapes.circle import area as again\n"}
    files = {**more, WORK: IMPORTS + run(FOUND[how])}
    assert digest(make(files)) != digest(make(files | {CIRCLE: OTHER_AREA}))


def test_a_definition_that_has_moved_is_the_same(make: Make) -> None:
    square = TREE[SQUARE].replace("area", "other")
    work = TREE[WORK].replace("import circle", "import square as circle")
    moved = make({CIRCLE: "", SQUARE: f"{TREE[CIRCLE]}\n\n{square}", WORK: work})
    assert digest(moved) == digest(make({}))


def test_a_module_loaded_by_name_counts_only_where_it_is_given(make: Make) -> None:
    before, after = make({}), make({SQUARE: TREE[SQUARE].replace("*", "+")})
    assert digest(before) == digest(after)
    given = "ecslm.shapes.square"
    assert len({digest(before, given), digest(after, given), digest(before)}) == 3


def test_definitions_are_named_with_digests_of_their_own(make: Make) -> None:
    before = code_of(make({})).definitions("job.py")
    after = code_of(make({CIRCLE: OTHER_AREA})).definitions("job.py")
    assert {module: set(found) for module, found in before.items()} == {
        "job.py": {"", "main"},
        "ecslm.work": {"run"},
        "ecslm.shapes.circle": {"area"},
    }
    assert {one for one in before if before[one] != after[one]} == {"ecslm.shapes.circle"}


def test_what_cannot_be_read_is_named(make: Make) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"no ecslm\.wrok"):
        digest(make({"job.py": "from ecslm.wrok import run\nrun()\n"}))
