# Everything here works in .venv, which `make setup` creates with the locked versions.
# `make help` prints what follows `##` here: groups (`##@`), targets, variables (`##=`).

PYTHON ?= python3.11
BIN := .venv/bin

# Where it is set, every start of Python compiles all imported modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help new check reproduce why summary cache diff clean-study accept export archive adopt setup slurm \
lint test docs test-slurm lock

# First, so that a plain `make` changes nothing.
help: ## print this list
	@awk '/^##@ / {print "\n" substr($$0, 5)} \
	/^##= / {print "  " substr($$0, 5)} \
	/^[a-z-]+:.* ## / {split($$0, part, " ## "); split(part[2], said, " [|] "); \
	sub(/:.*/, "", part[1]); printf "  make %-12s %s\n", part[1], said[1]; \
	if (said[2]) printf "%20s%s\n", "", said[2]}' $(MAKEFILE_LIST)

# Those that a user gives, explained below.
VARIABLES := STUDY CONFIGFILE DATA INPUT OUTPUT QUESTION PROFILE SEEDS TRIM REMOVE A B
# Make would pass them on to commands, and evaluate their values to do so.
unexport $(VARIABLES)
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
TARGETS := $(or $(MAKECMDGOALS),help)
# Those that the targets name below, after `|`.
TAKEN := $(foreach target,$(TARGETS),$(shell sed -n 's,^$(target): .* | ,,p' $(MAKEFILE_LIST)))
UNUSED := $(filter-out $(TAKEN) PYTHON BIN MAKEFLAGS MAKEOVERRIDES,$(GIVEN))
$(if $(UNUSED),$(error $(UNUSED): `make $(TARGETS)` takes $(or $(TAKEN),no variable)))

# The value of a variable as one word of the shell, whatever characters it has.
quoted = '$(subst ','\'',$(value $(1)))'
# An option with the value of a variable, if it has one.
option = $(if $(value $(2)),$(1)$(call quoted,$(2)))

# Options of scripts that take a study, and the same for Snakemake.
OPTIONS = $(call option,--study=,STUDY) $(call option,--configfile=,CONFIGFILE) \
$(call option,--seeds=,SEEDS)
# Snakemake takes one `--config`.
OF_SNAKEMAKE = $(call option,--configfile=,CONFIGFILE) $(if $(value STUDY)$(value SEEDS),--config) \
$(call option,study=,STUDY) $(if $(value SEEDS),$(call option,'seeds=[',SEEDS)']')
# Options for a table of records.
OF_TABLE = $(call option,--input=,INPUT) $(call option,--output=,OUTPUT) \
$(call option,--question=,QUESTION)
# Snakemake would end with a traceback at a configuration that it cannot read, or without a folder
# for its caches.
CHECKED = $(BIN)/python scripts/check_configuration.py $(OPTIONS)

##@ Run
new: setup ## begin a study of your own records | STUDY DATA INPUT OUTPUT QUESTION
	$(BIN)/python scripts/new_study.py $(call option,--study=,STUDY) $(call option,--data=,DATA) $(OF_TABLE)

check: setup ## say what a run lacks, how long it takes, what it costs | STUDY CONFIGFILE SEEDS PROFILE
	$(BIN)/python scripts/check_study.py $(OPTIONS) $(call option,--profile=,PROFILE)

reproduce: setup ## run a study, from data to report (default: the demo) | STUDY CONFIGFILE SEEDS
	$(CHECKED)
	$(BIN)/snakemake --cores all $(OF_SNAKEMAKE)

##@ Look
why: setup ## say what a run would do, why, and how long it takes | STUDY CONFIGFILE SEEDS
	$(BIN)/python scripts/why.py $(OPTIONS)

summary: setup ## print the scores of a study again, as at the end of its run | STUDY CONFIGFILE SEEDS
	$(BIN)/python scripts/summarise.py $(OPTIONS)

cache: setup ## list finished work, which is kept to be computed once | TRIM
	$(BIN)/python scripts/cache.py $(call option,--trim=,TRIM)

diff: setup ## list the scores that differ between two results | A B
	$(BIN)/python scripts/diff_results.py $(call option,,A) $(call option,,B); test $$? != 1

clean-study: setup ## list results that no longer belong to the configuration | STUDY CONFIGFILE SEEDS REMOVE
	$(BIN)/python scripts/clean.py $(OPTIONS) $(if $(filter yes,$(REMOVE)),--remove)

accept: setup ## prove that an edit or upgrade changes no result | STUDY CONFIGFILE SEEDS
	$(BIN)/python scripts/accept.py $(OPTIONS)

##@ Use elsewhere
export: setup ## turn each tuned model into a folder to serve or publish | STUDY CONFIGFILE SEEDS
	$(CHECKED)
	$(BIN)/snakemake --cores all $(OF_SNAKEMAKE) -- export

archive: setup ## pack code, configuration and results into one file | STUDY CONFIGFILE SEEDS
	$(BIN)/python scripts/archive.py $(OPTIONS)

adopt: setup ## verify results from another machine, and continue with them | STUDY CONFIGFILE SEEDS
	$(BIN)/python scripts/adopt.py $(OPTIONS)

##@ Set up
setup: .venv/locked ## install the libraries into .venv, as other targets do

.venv/locked: requirements.lock
	@echo "Installing $(shell wc -l < requirements.lock) libraries into .venv: 2 GB, with CUDA 6 GB; some minutes"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --requirement requirements.lock
	touch $@

slurm: .venv/slurm ## install Snakemake's plugin for SLURM, for runs on a cluster

.venv/slurm: requirements-slurm.lock .venv/locked
	$(BIN)/pip install --quiet --no-compile --requirement requirements.lock --requirement $<
	touch $@

##@ Contribute
lint: setup ## check style, types and imports, before a commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy
	PYTHONPATH=scripts $(BIN)/lint-imports --no-cache

# One thread for each of pytest's two processes: torch would otherwise start one per core in both.
test: setup ## run all tests, about 5 minutes on two cores
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2

docs: setup ## write the documentation as a searchable site
	$(BIN)/sphinx-build --fail-on-warning --quiet -c docs . dist/docs
	@echo dist/docs/README.html

test-slurm: slurm ## run the tests of a SLURM cluster on this machine, as root
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile tests/slurm

lock: ## update the locked versions within those of pyproject.toml
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

##@ Variables
##= STUDY=paper           a study of the configuration; for `new`, a new name
##= CONFIGFILE=mine.yaml  your own configuration, on top of config.yaml
##= DATA=tickets.csv      your own records, a table or JSON Lines
##= INPUT=text            for `new`: the column of a table that is asked about
##= OUTPUT=urgent         for `new`: its column of right answers
##= QUESTION="Is it?"     for `new`: what is asked
##= PROFILE=gpu           where the run is to be executed: a folder in profiles/
##= SEEDS=0,1,2           train each tuned model with these; tables show the mean
##= TRIM=10               shrink the cache to 10 GB: the oldest work goes
##= REMOVE=yes            remove what is listed
##= A=before              for `diff`: results before a change
##= B=results/demo        for `diff`: results after it
