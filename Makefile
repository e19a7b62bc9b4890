# What one does with this project: `make help` lists it.
.DEFAULT_GOAL := help
export VENV ?= .venv
PYTHON := $(VENV)/bin/python
PYTEST := $(PYTHON) -m pytest
ARGS ?=
# The suite starts Python thousands of times: without byte code each of them compiles everything again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test test-unit test-sdk-uris lint format bench zoo zoo-soak mutate verify-all golden lock clean

help:           ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

setup:          ## The environment in .venv: what requirements/ pins, and byoc itself
	@sh tools/bootstrap.sh

demo: setup     ## Scaffold a project, build it, train, serve, and ask it for a prediction
	@$(PYTHON) tools/demo.py

test: setup lint ## Everything a machine can check: lint, unit tests, tests with a Docker engine
	$(PYTEST) --durations=15 $(ARGS)

test-unit: setup ## The tests that need no Docker engine (goal: under a minute)
	$(PYTEST) -n 3 -m "not engine and not setup and not long" $(ARGS)

test-sdk-uris: setup ## Ask the SageMaker SDK for every image its tables allow, and compare
	$(PYTEST) tests/catalogue/test_sdk.py $(ARGS)

lint: setup     ## ruff and mypy
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	MYPYPATH=containers/serving/lib $(PYTHON) -m mypy --strict -p byoc_serving
	MYPYPATH=containers/entry $(PYTHON) -m mypy --strict containers/entry

format: setup   ## Put the code into its form, and mend what ruff can mend
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

bench: setup    ## The benchmarks: ratios, each against what one would do without us
	@set -e; for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(PYTHON) $$file; done

zoo: setup      ## The zoo alone: every image breaks what it should, and each weakened clause is noticed
	$(PYTEST) tests/zoo/test_zoo.py $(ARGS)

zoo-soak: setup ## The images that break one clause each, ten times over: what flickers
	$(PYTHON) tools/zoo_soak.py $(ARGS)

mutate: setup   ## Weaken each clause in turn, and see that an image of the zoo notices
	ZOO=everything ZOO_EVIDENCE=build/zoo $(PYTEST) -q tests/zoo/test_zoo.py
	$(PYTHON) tools/mutate_clauses.py build/zoo

verify-all: setup ## The whole zoo with all its clauses, and every style, server and engine against the contract
	ZOO=everything MATRIX=everything $(PYTEST) tests/zoo $(ARGS)

golden: setup   ## Write golden files and generated pages anew; look at the difference before you commit it
	GOLDEN_UPDATE=1 $(PYTEST) tests/plan/test_golden.py $(ARGS)
	$(PYTHON) tools/spec_table.py
	$(PYTHON) tools/errors_page.py
	$(PYTHON) tools/clause_table.py

lock: setup     ## Write requirements/*.txt anew (UPGRADE=1: with the newest versions)
	@sh tools/lock.sh

clean:          ## Remove what setup, tests and demo made in this folder
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
