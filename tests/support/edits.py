"""Edits of a scratch project, as people and version control make them."""

import ast
import io
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import tokenize
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from support.completed import CONFIGURATION, LABELS, RECORDS, study_options
from support.scratch import snakemake

from ecslm.data.labels import GRADES

Edit = Callable[[Path], None]


def together(*edits: Edit) -> Edit:
    """Several edits, one after the other."""

    def edit(project: Path) -> None:
        for one in edits:
            one(project)

    return edit


# Text


def in_file(file: str, change: Callable[[str], str]) -> Edit:
    """Another text of a file, made of its own."""

    def edit(project: Path) -> None:
        before = (project / file).read_text(encoding="utf-8")
        after = change(before)
        assert after != before, f"{file}: stays as it is"
        (project / file).write_text(after, encoding="utf-8")

    return edit


def replaced(file: str, old: str, new: str) -> Edit:
    """Other text in place of the only occurrence of `old`."""

    def change(text: str) -> str:
        assert text.count(old) == 1, f"{file}: {old!r} is there {text.count(old)} times"
        return text.replace(old, new)

    return in_file(file, change)


def added(file: str, line: str) -> Edit:
    """One more line at the end of a file."""
    return in_file(file, lambda text: f"{text}{line}\n")


def renamed(file: str, name: str) -> Edit:
    """Another name for a file, in the same folder."""

    def edit(project: Path) -> None:
        (project / file).rename((project / file).with_name(name))

    return edit


def logic(*files: str) -> Edit:
    """One statement more in files of `scripts/`, which whoever loads them executes."""
    return together(*(added(f"scripts/{file}", "assert True") for file in files))


def locked(library: str, version: str) -> Edit:
    """Another version of a library in the lock file."""
    pin = re.compile(rf"^{re.escape(library)}==.*$", re.MULTILINE)
    return in_file("requirements.lock", lambda text: pin.sub(f"{library}=={version}", text))


def in_rules(pattern: str, replacement: str) -> Edit:
    """A pattern replaced wherever rules have it."""

    def edit(project: Path) -> None:
        found = 0
        for path in (project / "Snakefile", *(project / "rules").glob("*.smk")):
            text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"))
            path.write_text(text, encoding="utf-8")
            found += count
        assert found, f"no rule has {pattern}"

    return edit


# Python


def in_python(change: Callable[[str], str], folder: str = "scripts") -> Edit:
    """A change of every Python file below a folder."""

    def edit(project: Path) -> None:
        paths = sorted((project / folder).rglob("*.py"))
        assert paths, f"no Python file in {folder}"
        for path in paths:
            path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    return edit


def commented(text: str) -> str:
    """A remark at the end of each statement, and a blank line after it."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    ends = {token.start[0] for token in tokens if token.type == tokenize.NEWLINE}
    lines = text.split("\n")
    return "\n".join(
        f"{line}  # A remark.\n" if number in ends else line
        for number, line in enumerate(lines, start=1)
    )


def with_more_log_lines(text: str) -> str:
    """A log line and a warning at the start of each function."""
    tree = ast.parse(text)
    words = {
        ast.Module: "import logging, warnings\nlog = logging.getLogger(__name__)",
        ast.FunctionDef: 'log.info("Here.")\nwarnings.warn("Here.", stacklevel=2)',
    }
    for block in (node for node in ast.walk(tree) if type(node) in words):
        start = 0 if ast.get_docstring(block) is None else 1
        block.body[start:start] = ast.parse(words[type(block)]).body
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


# Configuration and data


def configured(key: str, value: Any) -> Edit:
    """Another value, or a new one, in the studies' configuration; a dot goes one level down."""

    def change(configuration: dict[str, Any]) -> None:
        above, _, last = key.rpartition(".")
        section = _section(configuration, above)
        assert section.get(last) != value, f"{key}: is {value!r} already"
        section[last] = value

    return _in_configuration(change)


def listed(key: str, value: Any) -> Edit:
    """One value more at the end of a list of the configuration."""
    return _in_configuration(lambda configuration: _section(configuration, key).append(value))


def turned(key: str) -> Edit:
    """A list of the configuration in reverse order."""
    return _in_configuration(lambda configuration: _section(configuration, key).reverse())


def _section(configuration: dict[str, Any], key: str) -> Any:
    for name in filter(None, key.split(".")):
        configuration = configuration.setdefault(name, {})
    return configuration


def with_keys_reversed(project: Path) -> None:
    """The keys of all sections of both configuration files in reverse order."""

    def reverse(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: reverse(value[key]) for key in reversed(value)}
        return [reverse(item) for item in value] if isinstance(value, list) else value

    for name in ("config.yaml", CONFIGURATION.name):
        in_file(name, lambda text: _yaml(reverse(yaml.safe_load(text))))(project)


def one_record(task: str, split: str) -> Edit:
    """Another text in the first record of a task, by its name in the data, and split."""

    def change(text: str) -> str:
        rows = [json.loads(line) for line in text.splitlines()]
        row = next(row for row in rows if (row["task"], row["split"]) == (task, split))
        row["instruction"] += " (new)"
        return "".join(json.dumps(row) + "\n" for row in rows)

    return in_file(RECORDS, change)


def in_all_records(change: Callable[[dict[str, Any]], str]) -> Edit:
    """Each record as another text."""

    def changed(text: str) -> str:
        return "".join(change(json.loads(line)) + "\n" for line in text.splitlines())

    return in_file(RECORDS, changed)


def with_turned_keys(row: dict[str, Any]) -> str:
    """The keys of a record in reverse order, with other spaces and escapes."""
    turned_row = {key: row[key] for key in reversed(row)}
    return json.dumps(turned_row, separators=(" ,  ", " :"), ensure_ascii=False)


def with_a_remark(row: dict[str, Any]) -> str:
    """A record with a column that the release does not have."""
    return json.dumps({"remark": {"by": ["me"]}, **row})


def laid_out(file: str) -> Edit:
    """Another layout of a JSON file."""
    return in_file(file, lambda text: json.dumps(json.loads(text), indent=3))


def moved(file: str, to: str, key: str) -> Edit:
    """A file at another path, which the configuration names."""

    def edit(project: Path) -> None:
        (project / to).parent.mkdir(parents=True)
        (project / file).rename(project / to)

    return together(edit, configured(key, to))


def another_grade(project: Path) -> None:
    """Another label in the first row of the label file that leaves the order of its products."""

    def change(text: str) -> str:
        rows = json.loads(text)
        for row, place, grade in itertools.product(rows, range(4), GRADES):
            if place < len(row) and grade not in row:
                changed = [*row[:place], grade, *row[place + 1 :]]
                if _order(changed) == _order(row):
                    row[place] = grade
                    break
        return json.dumps(rows)

    in_file(LABELS, change)(project)


def _order(labels: list[str]) -> list[int]:
    return sorted(range(len(labels)), key=lambda place: GRADES.index(labels[place]))


def _in_configuration(change: Callable[[dict[str, Any]], None]) -> Edit:
    def changed(text: str) -> str:
        configuration = yaml.safe_load(text)
        change(configuration)
        return _yaml(configuration)

    return in_file(CONFIGURATION.name, changed)


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False)


# A task of the registry that no study has.
NEW_TASK = configured(
    "tasks.NEW",
    {"title": "New", "aliases": ["A_New_Task"], "answer": "yes_no", "metric": "binary_f1"},
)


def with_other_weights(folder: str) -> Edit:
    """One byte of a base's weights is another; the file's date is as before."""

    def edit(project: Path) -> None:
        path = project / folder / "model.safetensors"
        before, content = path.stat(), bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return edit


def without_weights(project: Path) -> None:
    """The directories of base weights have stayed on another machine."""
    shutil.rmtree(project / "weights")


# Files as such


def touched(project: Path) -> None:
    """Every file, results included, has been modified just now."""
    for path in _files(project):
        path.touch()


def with_scrambled_times(project: Path) -> None:
    """Every file, Snakemake's own included, has some time of the past, as a copy may leave it."""
    chance = random.Random(0)
    for path in _files(project):
        os.utime(path, (seconds := chance.uniform(1.6e9, 1.7e9), seconds))


def checked_out_again(project: Path) -> None:
    """`git checkout other && git checkout -`, where the other branch has none of the files."""
    (project / ".gitignore").write_text("/results/\n/.snakemake/\n", encoding="utf-8")
    _git(project, "init", "--quiet")
    _git(project, "add", ".")
    _git(project, "commit", "--quiet", "--message", "All")
    _git(project, "checkout", "--quiet", "-b", "other")
    _git(project, "rm", "--quiet", "-r", ".")
    _git(project, "commit", "--quiet", "--message", "None")
    assert not (project / "Snakefile").exists()
    _git(project, "checkout", "--quiet", "-")


def made(study: str, *targets: str) -> Edit:
    """A real run of some targets of a study."""

    def edit(project: Path) -> None:
        run = snakemake(project, *study_options(study), "--", *targets)
        assert run.returncode == 0, run.stdout + run.stderr

    return edit


def _files(project: Path) -> Iterable[Path]:
    return sorted(path for path in project.rglob("*") if path.is_file())


def _git(project: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
    # The user's own settings must not reach a test.
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *who, *arguments], cwd=project, check=True, env=os.environ | alone)
