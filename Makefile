PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: atlas papers test lint clean

# torch goes first and alone: any other order lets the resolver fetch a build with CUDA.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

# The atlas of the embedded network; for anything else: .venv/bin/multiunit atlas SOURCE --stimuli FILE
atlas: $(INSTALLED)
	$(BIN)/python -m multiunit.cli atlas -o atlas

papers: $(INSTALLED)
	$(BIN)/python -m multiunit.cli papers run --all --page docs/papers.md

test: lint
	$(BIN)/pytest

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

clean:
	rm -rf $(VENV)
