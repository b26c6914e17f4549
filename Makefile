# Every verb is a command that a person could type; `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
# Such as PIP_FLAGS="--find-links DIR", for another source of packages or a CPU build of torch.
PIP_FLAGS ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile $(PIP_FLAGS)
# The one version that has no hash in requirements.lock: who asks for torch gets the build for their
# machine (of PyPI with CUDA's libraries, or for the CPU, or for another CUDA), each another file.
TORCH := torch==2.13.0

.PHONY: help setup lab explore report reports check test lint tidy docs bench results wheel lock
.DEFAULT_GOAL := help

help: ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 10

setup: .venv/.ready ## make .venv with the versions of requirements.lock

# The stamp is the last thing made: an interrupted set-up leaves none, and starts over. No
# dependencies are looked at, as the lock has them all but one: tinysoundfont asks for PyAudio, which
# needs C headers and is never called.
.venv/.ready: requirements.lock pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "synvae needs Python 3.11 or newer; '$(PYTHON)' is not. Name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@if [ ! -e $@ ]; then rm -rf .venv && $(PYTHON) -m venv .venv; fi
	@echo "Setting up .venv, 1 of 3: the packages of requirements.lock, by their hashes" >&2
	@$(PIP) --no-deps --require-hashes --requirement requirements.lock
	@echo "Setting up .venv, 2 of 3: torch; this takes some minutes the first time" >&2
	@$(PIP) $(TORCH)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@echo "Setting up .venv, 3 of 3: compiling" >&2
# Else every kernel compiles torch anew where Python is told to write no bytecode. On all cores and
# without tests, as pip does not; and some packages bring files of other Pythons, which do not compile.
	@$(BIN)/python -m compileall -q -j 0 -x '/tests/' .venv/lib >/dev/null 2>&1 || true
	@touch $@

lab: setup ## open the quickstart in JupyterLab, on this machine alone
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --LabApp.default_url=/lab/tree/notebooks/00_quickstart.ipynb

# Such as PORT=8867; 0 for any that is free.
PORT ?= 8866
explore: setup ## open a page to drop any picture on, without code, on this machine alone
	@$(BIN)/python -m synvae_workbench explore --browser --port $(PORT)

report: setup ## run the quickstart; prints the path of its report
	@$(BIN)/python -m synvae_workbench run notebooks/00_quickstart.ipynb

reports: setup ## run every notebook in full length
	@set -e; for notebook in notebooks/*.ipynb; do $(BIN)/python -m synvae_workbench run $$notebook; done

check: lint ## lint and the fast tests, without real data sets, for daily work
	@$(BIN)/python -m pytest --numprocesses auto -m "not slow and not browser and not data"

test: setup ## all tests, every notebook as a smoke run included
	@$(BIN)/python -m pytest --numprocesses auto

lint: setup ## what ruff says about code and notebooks, and mypy about the types of the core
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/python -m mypy

tidy: setup ## format code and notebooks, and strip the notebooks of what a run left
	@$(BIN)/python -m synvae_workbench strip notebooks/*.ipynb && $(BIN)/ruff format .

docs: setup ## pages of the API from the docstrings, docs/api/index.html
	@$(BIN)/python docs

bench: setup ## speed and memory as ratios against references, beside the kept ones
	@$(BIN)/python benchmarks

results: setup ## write the README's table and docs/results.md from reports/results.json
	@$(BIN)/python -m synvae_workbench results

wheel: setup ## build dist/*.whl, with weights and notebooks inside
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# Such as FLAGS="--upgrade"; without, what is locked stays.
lock: ## resolve requirements.lock anew from pyproject.toml, and environment.yml with it; needs uv
	@uv pip compile --quiet $(FLAGS) pyproject.toml --output-file requirements.lock
	@sed -i.old '/- pip:/q' environment.yml && rm environment.yml.old
	@echo '      - $(TORCH)' >> environment.yml
	@sed -n 's/^\([a-z0-9].*\) \\$$/      - \1/p' requirements.lock >> environment.yml
