"""The README of an archive."""

from textwrap import dedent

from ecslm.plan.plan import Plan


def readme(plan: Plan, commit: str, version: str) -> str:
    """The text of README.md."""
    study = plan.study
    return dedent(f"""\
        # {study.settings.title}

        Study `{study.name}`, made with ecslm {version}, commit {commit}.
        To cite it: `CITATION.cff`.

        | file | what it is |
        |---|---|
        | `code/` | the project at that commit: workflow, library, templates, tests |
        | `code/requirements.lock` | versions of all libraries |
        | `configuration.yaml` | the configuration as it was used, all files merged |
        | `{study.results}/report.html` | the report: open it in a browser, it needs no network |
        | `{study.results}/tables/`, `figures/` | as LaTeX and JSON, as PDF and SVG |
        | `{study.results}/scores.csv`, `metrics/` | scores, and what each record adds to them |
        | `results/**/*manifest.json` | what each result was made from, with sha256 |
        | `SHA256SUMS` | sha256 of every file here |

        Not included: weights, logs, and records of the data with their predictions, except the few
        that the report shows. `code/docs/licenses.md` has the terms of weights and data; manifests
        have their sha256.

        ## To verify it

            sha256sum --check --quiet SHA256SUMS

        The manifest of each result lists the sha256 of the files that it was made from. `code/` has
        the files that `git archive` writes for that commit in a clone of the project.

        ## To reproduce it

            cd code
            make setup
            .venv/bin/snakemake --cores all --replace-workflow-config \\
                --configfile ../configuration.yaml

        Your own data and weights must be where `configuration.yaml` says. On a CPU of the same type
        results have the same bytes. On a GPU they may differ in the last digits, unless
        `training: {{deterministic: true}}` was set.
        """)
