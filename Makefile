# What one runs by hand and in CI. Each target installs what it needs into $(VENV), and again only when
# pyproject.toml has changed.
PYTHON ?= python3
VENV ?= .venv

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
PACKAGES := data models train infer
SOURCES := $(shell find $(PACKAGES) -type f -not -name '*.pyc' 2>/dev/null)
SAMPLE := data/samples/binhe_industry_conference.txt
TORCH := torch==2.13.0
# Test files in turn on two processes; `make test IN_PARALLEL=` runs them one after the other.
IN_PARALLEL ?= --numprocesses 2 --dist loadfile

.PHONY: run test lint types docs wheel format clean

run: $(VENV)/.installed
	$(BIN)/policylens summarize $(SAMPLE)

# Training has a process of its own: after OpenVINO, ONNX Runtime and Ray had all run in one, torch crashed once.
# The branches of our code that the tests take are counted; fewer than pyproject.toml asks for fail.
test: $(VENV)/.installed-dev
	$(BIN)/coverage erase
	$(BIN)/python -m pytest $(IN_PARALLEL) --cov --cov-report= --cov-fail-under=0 --ignore tests/train
	$(BIN)/python -m pytest $(IN_PARALLEL) --cov --cov-report= --cov-fail-under=0 --cov-append tests/train
	$(BIN)/coverage report

# The documentation as pages in build/site; a broken link or an unlisted page fails.
docs: $(VENV)/.installed-dev
	$(BIN)/mkdocs build --strict --quiet

# What a user gets who installs the wheel: no checkout, no editable install, nothing else in the environment.
wheel: $(BIN)/python
	PYTHON=$(PYTHON) TORCH='$(TORCH)' .ci/check_wheel

# import-linter and mypy cannot see through the editable install, hence the copy in .check.
lint: $(VENV)/.installed-dev .check/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHONPATH=.check $(BIN)/lint-imports

types: $(VENV)/.installed-dev .check/.installed
	MYPYPATH=.check $(BIN)/mypy -p policylens

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .check build *.egg-info .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
	find $(PACKAGES) tests -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Asked for by its exact version pip takes a CPU build where one is at hand; a range would bring gigabytes of
# CUDA on Linux. Where that version is not to be had, the next step takes the torch it can get.
$(VENV)/.torch: | $(BIN)/python
	@$(PIP) install --quiet $(TORCH) || echo 'no $(TORCH) for this Python; pip chooses another version'
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/.torch
	$(PIP) install --quiet --editable '.[docs,base]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.torch
	$(PIP) install --quiet --editable '.[dev]'
	@touch $@

.check/.installed: pyproject.toml $(SOURCES) | $(VENV)/.installed-dev
	@rm -rf build .check
	$(PIP) install --quiet --no-deps --target .check .
	@rm -rf build
	@touch $@
