# The two commands of the README, and what they share.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
# uv installs in seconds what takes pip minutes; where it cannot be had, pip does it.
install = ($(BIN)/pip install -q --disable-pip-version-check uv && $(BIN)/uv pip install -q --python $(BIN)/python $(1)) \
  || $(BIN)/pip install -q --disable-pip-version-check $(filter-out --compile-bytecode,$(1))
# Tests start hundreds of processes, and each would compile postrun anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-slow test-lowest lint docs site bench bench-check report-bench server-bench store-bench diagnosis faults rule secrets mutants fuzz clean

demo: $(VENV)/.installed  ## set up, and run the main job on the bundled sample run
	$(BIN)/postrun analyze examples/sample_run

test: $(VENV)/.dev lint  ## set up, and run all checks and the tests but the slow ones
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/.dev  ## the tests that kill processes, start clusters, and calibrate statistics
	$(BIN)/python -m pytest -m slow

test-lowest:  ## the same tests on the lowest versions that pyproject.toml allows (TESTS=... names some)
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/pip install -q --disable-pip-version-check uv
	$(LOWEST)/bin/uv pip compile -q --resolution lowest-direct --extra test pyproject.toml -o $(LOWEST)/lowest.txt
	$(LOWEST)/bin/uv pip install -q --python $(LOWEST)/bin/python -r $(LOWEST)/lowest.txt
	$(LOWEST)/bin/uv pip install -q --python $(LOWEST)/bin/python --no-deps -e .
	$(LOWEST)/bin/python -m pytest -m "not slow" $(TESTS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev  ## make the generated pages and pictures again
	$(BIN)/python docs/make_rules.py
	$(BIN)/python docs/make_metrics.py
	$(BIN)/python docs/make_pictures.py
	$(BIN)/python docs/make_gallery.py
	$(BIN)/python docs/make_glossary.py
	$(BIN)/python docs/make_api.py
	$(BIN)/python docs/make_schema.py
	$(BIN)/python docs/make_outputs.py

site: $(VENV)/bin/python  ## the documentation as a site, in build/site; a broken link is an error
	$(call install,-e '.[docs]')
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

rule: $(VENV)/.dev  ## begin a rule: make rule CODE=OPT019 NAME=loss-below-floor
	@$(BIN)/python scripts/new_rule.py $(CODE) $(NAME)

secrets: $(VENV)/.dev  ## how many secrets and how many innocent values are masked, beside another scanner
	$(call install,detect-secrets==1.5.0)
	$(BIN)/python -m benchmarks.secrets

mutants: $(VENV)/.dev  ## how many small faults in stats and rules the tests notice (ten minutes)
	$(call install,pytest-cov)
	$(BIN)/python -m benchmarks.mutants

fuzz: $(VENV)/.dev  ## mutants of logs, of files beside them and of exports: make fuzz N=1000000 SEED=2
	$(BIN)/python -m benchmarks.fuzz --count $(or $(N),20000) --seed $(or $(SEED),1)

bench: $(VENV)/.dev
	$(call install,-e '.[bench]')
	$(BIN)/python -m benchmarks.run

bench-check: $(VENV)/.dev  ## fail if postrun costs more beside other ways than it did (SHORT=1: in a minute; KEEP=1: keep the ratios)
	$(BIN)/python -m benchmarks.check $(if $(SHORT),--short) $(if $(KEEP),--keep)

report-bench: $(VENV)/.dev  ## the HTML report and chart libraries in headless Chromium
	$(call install,-e '.[bench]')
	$(BIN)/python -m benchmarks.report.libraries
	$(BIN)/python -m benchmarks.report.pages

server-bench: $(VENV)/.dev  ## reading from a server, beside the loop that users write today
	$(call install,-e '.[bench]')
	$(BIN)/python -m benchmarks.server

store-bench: $(VENV)/.dev  ## many runs into a store, asked of it, and on a cluster (an hour the first time)
	$(call install,-e '.[bench]')
	$(BIN)/python -m benchmarks.store.run
	$(BIN)/python -m benchmarks.store.layout benchmarks/out/store_2000
	$(BIN)/python -m benchmarks.store.tables benchmarks/out/store_2000
	$(BIN)/python -m benchmarks.store.engine benchmarks/out/store_2000 6.1
	$(BIN)/python -m benchmarks.store.cluster
	$(BIN)/python -m benchmarks.store.requests
	$(BIN)/python -m benchmarks.store.delta

diagnosis: $(VENV)/.dev  ## score the rules on labelled trainings, beside two other packages
	$(call install,-e '.[bench]')
	$(BIN)/python -m benchmarks.diagnosis
	$(BIN)/python -m benchmarks.diagnosis.speed

faults: $(VENV)/.dev  ## others' faults, beside seven peers; DATA=FOLDER adds published data (half an hour the first time)
	$(call install,-e '.[faults]')
	$(BIN)/python -m benchmarks.faults $(if $(DATA),--data $(DATA))

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "postrun needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv is missing: on Debian, apt install python3-venv"; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(call install,--compile-bytecode -e .)
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(call install,-e '.[dev]')
	@touch $@

clean:
	rm -rf $(VENV) $(LOWEST) wandb_analysis .mypy_cache .ruff_cache .pytest_cache .hypothesis
