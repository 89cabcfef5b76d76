# Everything here works in .venv, which `make setup` creates with the locked versions.

PYTHON ?= python3.11
BIN := .venv/bin

# Where it is set, every start of Python compiles all that it imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: reproduce test test-slurm setup slurm check why summary export archive adopt cache clean-study lint lock

reproduce: setup ## the demo study, from data to tables
	$(BIN)/snakemake --cores all

# One thread for each of pytest's two processes: torch would otherwise start one per core in both.
test: setup ## all tests: unit, workflow, end to end
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2

test-slurm: slurm ## tests on a SLURM cluster that they start here; as root, with slurm-wlm and munge
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/slurm

# Options of scripts that take a study.
OPTIONS = $(if $(STUDY),--study $(STUDY)) $(if $(CONFIGFILE),--configfile $(CONFIGFILE))

why: setup ## what a run would do, why, and how long it takes; STUDY=paper for another study
	$(BIN)/python scripts/why.py $(OPTIONS)

summary: setup ## the scores of a study, as a run prints them; STUDY=paper for another study
	$(BIN)/python scripts/summarise.py $(OPTIONS)

check: setup ## whether a run would succeed, and what is missing for it; STUDY=paper PROFILE=gpu
	$(BIN)/python scripts/check_study.py $(OPTIONS) $(if $(PROFILE),--profile $(PROFILE))

export: setup ## each tuned model as a folder of its own, in results/STUDY/exports
	$(BIN)/snakemake --cores all $(if $(CONFIGFILE),--configfile $(CONFIGFILE)) \
	$(if $(STUDY),--config study=$(STUDY)) -- export

archive: setup ## one file to publish, for Zenodo: code, configuration, results; STUDY=paper
	$(BIN)/python scripts/archive.py $(OPTIONS)

adopt: setup ## verify and record results that were copied here; STUDY=paper for another study
	$(BIN)/python scripts/adopt.py $(OPTIONS)

clean-study: setup ## list results that no job makes any more; REMOVE=yes removes them
	$(BIN)/python scripts/clean.py $(OPTIONS) $(if $(filter yes,$(REMOVE)),--remove)

cache: setup ## what is kept of finished GPU work; TRIM=10 removes the least recently used, down to 10 GB
	$(BIN)/python scripts/cache.py $(if $(TRIM),--trim $(TRIM))

setup: .venv/locked

.venv/locked: requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --requirement requirements.lock
	touch $@

slurm: .venv/slurm ## what profiles/slurm needs besides, to run on a cluster

.venv/slurm: requirements-slurm.lock .venv/locked
	$(BIN)/pip install --quiet --no-compile --requirement requirements.lock --requirement $<
	touch $@

lint: setup ## what must be clean before a commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy
	PYTHONPATH=scripts $(BIN)/lint-imports --no-cache

lock: ## renew the lock files from pyproject.toml, in a throw-away environment
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	$(PYTHON) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*p["dependencies"], *p["optional-dependencies"]["dev"], sep="\n")' > .venv-lock/wanted.txt
	.venv-lock/bin/pip install --quiet --no-compile --requirement .venv-lock/wanted.txt
	.venv-lock/bin/pip freeze | sed 's/+cpu$$//' > requirements.lock
	$(PYTHON) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*p["optional-dependencies"]["slurm"], sep="\n")' > .venv-lock/wanted.txt
	.venv-lock/bin/pip install --quiet --no-compile --requirement .venv-lock/wanted.txt
	.venv-lock/bin/pip freeze | sed 's/+cpu$$//' | grep -vxF -f requirements.lock \
	> requirements-slurm.lock
	rm -rf .venv-lock
