"""Digests of code: blind to words and layout, alert to logic."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.small_tree import CIRCLE, SQUARE, WORK, Edit, digest

from ecslm.common.errors import InputError
from ecslm.fingerprint.digest import code_of, definition_digests, imported_modules

Make = Callable[..., Path]

LOG_LINE = '    log.info("size %d", size)\n'

WORDS: dict[str, Edit] = {
    "a comment": (WORK, "    return", "    # Of a circle.\n    return"),
    "a script's docstring": ("job.py", "What the job does.", "What it does."),
    "a module's docstring": (WORK, '"""Work."""', '"""Hard work."""'),
    "a function's docstring": (WORK, '    """One piece of work."""\n', ""),
    "a package's docstring": ("ecslm/shapes/__init__.py", "Shapes.", "Plane shapes."),
    "a blank line": (CIRCLE, "\n\n\n", "\n\n\n\n\n"),
    "the layout of an expression": (CIRCLE, "3.14 * r", "(\n        3.14\n        * r\n    )"),
    "the quotes of a string": ("other.py", '"r"', "'r'"),
    "the spaces in a statement": ("job.py", "import argparse", "import   argparse"),
    "a log line's text": (WORK, '"size %d"', '"the size is %d"'),
    "a log line's level": (WORK, "log.info", "log.warning"),
    "a removed log line": (WORK, LOG_LINE, ""),
    "a new log line in a loop": (
        WORK,
        "        size += step",
        "        log.debug(1)\n        size += step",
    ),
    "an import of warnings": (WORK, "import logging\n", "import logging\nimport warnings\n"),
    "an unused import": (WORK, "import logging\n", "import logging\nfrom math import pi\n"),
    "an unused import of the project": (WORK, "import circle", "import circle, square"),
    "an import that is used no more": ("job.py", "import argparse\n\n", ""),
    "the order of imports": (
        WORK,
        "import logging\n\nfrom ecslm.shapes import circle\n",
        "from ecslm.shapes import circle\nimport logging\n",
    ),
    "an import by another name": (
        WORK,
        "from ecslm.shapes import circle\n",
        "import ecslm.shapes.circle as circle\n",
    ),
    "a module that nothing imports": ("ecslm/unused.py", "1", "2"),
    "a sibling that nothing imports": (SQUARE, "r * r", "r ** 2"),
    "an unused constant": (CIRCLE, "\n\n\ndef", "\n\nSIDES = 0\n\n\ndef"),
    "an unused constant of a package": ("ecslm/__init__.py", "\n", "\nVERSION = 2\n"),
    "an unused function": (CIRCLE, "\n\n\ndef", "\n\n\ndef other():\n    return area(2)\n\n\ndef"),
    "an unused class": (CIRCLE, "\n\n\ndef", "\n\n\nclass Other(dict):\n    size = 1\n\n\ndef"),
    "an annotation": (CIRCLE, "-> float", "-> int"),
    "an argument's annotation": (CIRCLE, "r: float", "r"),
    "code for type checkers": (
        WORK,
        "import logging\n",
        "import logging\nfrom typing import TYPE_CHECKING\n\n"
        "if TYPE_CHECKING:\n    import ecslm.none\n",
    ),
}

LOGIC: dict[str, Edit] = {
    "the script": ("job.py", "run(2)", "run(3)"),
    "an imported module": (WORK, "size += step", "size -= step"),
    "a module imported by an imported one": (CIRCLE, "3.14", "3.1416"),
    "a statement of a package": ("ecslm/shapes/__init__.py", "\n", "\nprint(4)\n"),
    "a statement of the library": ("ecslm/__init__.py", "\n", "\nassert __name__\n"),
    "a default": (CIRCLE, "r: float)", "r: float = 1.0)"),
    "a variable called log that is no logger": (WORK, LOG_LINE, "    log = size\n    size = log\n"),
    "an append to a list called log": (WORK, LOG_LINE, "    log.append(size)\n"),
    "a print": (WORK, LOG_LINE, "    print(size)\n"),
    "a use of another module": (WORK, "circle\n\nlog", "square as circle\n\nlog"),
    "an import of a library, which may change others": (
        WORK,
        "import logging\n",
        "import logging\nimport torch\n",
    ),
}


@pytest.mark.parametrize("what", WORDS)
def test_the_digest_is_blind_to(what: str, make: Make) -> None:
    before, after = make(), make(WORDS[what])
    for script in ("job.py", "other.py"):
        assert digest(after, script) == digest(before, script)


@pytest.mark.parametrize("what", LOGIC)
def test_the_digest_tells_a_change_of(what: str, make: Make) -> None:
    assert digest(make(LOGIC[what])) != digest(make())


def test_a_module_without_any_logging_has_the_digest_of_one_with(make: Make) -> None:
    without = make(
        (WORK, "import logging\n\n", ""),
        (WORK, "log = logging.getLogger(__name__)\n\n\n", "\n"),
        (WORK, LOG_LINE, ""),
    )
    assert "log" not in (without / WORK).read_text()
    assert digest(without) == digest(make())


def test_a_block_of_nothing_but_words_is_as_good_as_pass(make: Make) -> None:
    block = "    if size > 9:\n        {}\n"
    logs = make((WORK, LOG_LINE, block.format('log.info("large")')))
    passes = make((WORK, LOG_LINE, block.format("pass")))
    raises = make((WORK, LOG_LINE, block.format("raise ValueError")))
    assert digest(logs) == digest(passes) != digest(raises)


def test_the_digest_does_not_depend_on_where_the_project_lies(make: Make) -> None:
    assert digest(make()) == digest(make())


def test_the_digest_is_of_files_as_they_are_once_it_is_no_longer_cached(make: Make) -> None:
    root = make()
    before = digest(root)
    (root / CIRCLE).write_text("def area(r):\n    return 3 * r\n", encoding="utf-8")
    assert digest(root) == before
    code_of.cache_clear()
    assert digest(root) != before


# Moves


def test_a_definition_that_has_moved_unchanged_is_the_same(make: Make) -> None:
    definition = "\n\ndef area(r: float) -> float:\n    return 3.14 * r\n"
    moved = make(
        (CIRCLE, definition, ""),
        (SQUARE, "def area", "def other_area"),
        (WORK, "from ecslm.shapes import circle", "from ecslm.shapes import square"),
        (WORK, "circle.area", "square.area"),
    )
    with (moved / SQUARE).open("a", encoding="utf-8") as file:
        file.write(definition)
    assert digest(moved) == digest(make())


SPLIT = {
    WORK: """import re
from ecslm.shapes.circle import area

PATTERN = re.compile("a")


def run(size):
    return area(helper(size))


def helper(size):
    return PATTERN.sub(size, "b")
""",
}


def test_a_module_that_was_split_is_the_same(make: Make) -> None:
    split = {
        WORK: "from ecslm.shapes.circle import area\nfrom ecslm.more import helper\n\n\n"
        "def run(size):\n    return area(helper(size))\n",
        "ecslm/more.py": 'import re\n\nPATTERN = re.compile("a")\n\n\n'
        'def helper(size):\n    return PATTERN.sub(size, "b")\n',
    }
    assert digest(make(files=split)) == digest(make(files=SPLIT))


def test_the_order_of_definitions_and_their_names_are_the_same(make: Make) -> None:
    start = SPLIT[WORK].index("def run")
    one, two = SPLIT[WORK][start:].split("\n\n\n")
    reordered = f"{SPLIT[WORK][:start]}{two}\n\n{one}\n"
    assert digest(make(files={WORK: reordered})) == digest(make(files=SPLIT))
    renamed = SPLIT[WORK].replace("helper", "assistant").replace("PATTERN", "FORM")
    assert digest(make(files={WORK: renamed})) == digest(make(files=SPLIT))


def test_a_re_export_leads_to_the_definition(make: Make) -> None:
    there = {"ecslm/more.py": "from ecslm.shapes.circle import area as circle_area\n"}
    work = (WORK, "from ecslm.shapes import circle", "from ecslm import more")
    call = (WORK, "circle.area(", "more.circle_area(")
    through = make(work, call, files=there)
    assert digest(through) == digest(make())
    assert digest(make(work, call, (CIRCLE, "3.14", "3"), files=there)) != digest(through)


# Which code


def test_imports_are_followed_with_their_packages(make: Make) -> None:
    assert imported_modules("job.py", (), make()) == {
        "ecslm",
        "ecslm.shapes",
        "ecslm.shapes.circle",
        "ecslm.work",
    }


def test_an_import_inside_a_function_counts(make: Make) -> None:
    late = make((CIRCLE, "    return", "    from ecslm import unused\n\n    return"))
    assert "ecslm.unused" in imported_modules("job.py", (), late)
    plain = make((CIRCLE, "    return", "    import ecslm.unused as u\n\n    return"))
    assert "ecslm.unused" in imported_modules("job.py", (), plain)


def test_modules_that_import_each_other_are_followed_once(make: Make) -> None:
    circle = make((CIRCLE, '"""Circles."""\n', "import ecslm.work\n"))
    assert "ecslm.work" in imported_modules("other.py", (), circle)
    assert digest(circle, "other.py") == digest(make(), "other.py")


def test_a_module_loaded_by_name_counts_only_where_it_is_given(make: Make) -> None:
    before = make()
    after = make((SQUARE, "r * r", "r + r"))
    square = "ecslm.shapes.square"
    assert digest(before) == digest(after)
    assert digest(before, "job.py", square) != digest(after, "job.py", square)
    assert square in imported_modules("job.py", (square,), before)


def test_an_edit_changes_only_scripts_that_reach_it(make: Make) -> None:
    before, after = make(), make(LOGIC["an imported module"])
    assert digest(before, "other.py") == digest(after, "other.py")
    assert digest(before, "job.py") != digest(after, "job.py")


def test_definitions_are_named_with_digests_of_their_own(make: Make) -> None:
    before = definition_digests("job.py", (), make())
    after = definition_digests("job.py", (), make((CIRCLE, "3.14", "3")))
    assert set(before["ecslm.work"]) == {"run"}
    assert set(before["job.py"]) == {"", "main"}
    changed = {m: {n for n in before[m] if before[m][n] != after[m][n]} for m in before}
    assert {module: names for module, names in changed.items() if names} == {
        "ecslm.shapes.circle": {"area"}
    }


def test_a_missing_module_is_named(make: Make) -> None:
    root = make(("job.py", "ecslm.work", "ecslm.wrok"))
    with pytest.raises(InputError) as caught:
        digest(root)
    assert caught.value.problems == (
        f"{root / 'ecslm/wrok.py'}: no such file: its code digest cannot be computed",
    )


def test_a_syntax_error_is_named_with_its_line(make: Make) -> None:
    root = make((WORK, "for step in range(size):", "for step in range(size)"))
    with pytest.raises(InputError) as caught:
        digest(root)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{root / WORK}: line 13: not Python (")
