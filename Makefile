PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PEERS := .venv-bench
PEERS_INSTALLED := $(PEERS)/.installed
BRIAN := .venv-bench-brian
BRIAN_INSTALLED := $(BRIAN)/.installed
BENCHMARKS := $(filter-out %/side_by_side.py %/language_models.py %/page.py,$(sort $(wildcard benchmarks/*.py)))

.PHONY: atlas papers bench test lint clean

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

# Peers never enter the project's own environment. Where one benchmark fails, the others still run and the page is written.
$(PEERS_INSTALLED): pyproject.toml constraints.txt benchmarks/requirements.txt
	$(PYTHON) -m venv $(PEERS)
	echo '*' > $(PEERS)/.gitignore
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch==2.13.0
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--requirement benchmarks/requirements.txt
	touch $@

# Brian2 needs an older NumPy than the other peers. Where it does not install, circuits.py measures multiunit alone;
# where NEST does not, Brian2 and multiunit.
$(BRIAN_INSTALLED): Makefile
	$(PYTHON) -m venv $(BRIAN)
	echo '*' > $(BRIAN)/.gitignore
	$(BRIAN)/bin/pip install --quiet --disable-pip-version-check brian2==2.9.0 'numpy<2.3' setuptools && touch $@ || \
		echo 'Brian2 did not install: circuits.py measures multiunit alone'
	$(BRIAN)/bin/pip install --quiet --disable-pip-version-check nest-simulator==3.10.0 'numpy<2.3' || \
		echo 'NEST did not install: circuits.py leaves it out'

bench: $(PEERS_INSTALLED) $(BRIAN_INSTALLED)
	@failed=; for script in $(BENCHMARKS); do \
		echo "$$script"; OMP_NUM_THREADS=1 $(PEERS)/bin/python $$script || failed="$$failed $$script"; \
	done; \
	$(PEERS)/bin/python benchmarks/page.py || exit 1; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

test: lint
	$(BIN)/pytest

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

clean:
	rm -rf $(VENV) $(PEERS) $(BRIAN)
