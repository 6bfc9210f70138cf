# `make demo` and `make test` need only Python 3.11-3.13, make and the package registry.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup check test proof demo bench docs release clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"Python {v[0]}.{v[1]} found, 3.11 to 3.13 needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(STAMP)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Whole files, so that what one trains is trained once; in order: the long ones come early.
test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not proof"

proof: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[proof]'
	$(BIN)/python -m pytest -m proof

demo: setup
	rm -rf demo
	$(BIN)/ganvas train mnist --recipe quick --set train.kimg=112 --run demo/run
	$(BIN)/ganvas sample demo/run -n 100 --out demo/samples.png
	$(BIN)/ganvas morph demo/run --grid 5x10 --seconds 6 --out demo/morph.gif
	@echo "Look at: demo/run/samples (one row per digit, from noise to now), demo/samples.png, demo/morph.gif"

bench: setup
	for name in step_overhead time_to_quality precision collapse mixtures stacked_mnist recipes \
			metric_intervals metric_sensitivity metric_speed sentences export serving served_drift doctor \
			doctor_colour healing \
			watching defects defects_life rare_class rare_class_heads \
			patterns patterns_held privacy privacy_faces tune remote scale shrinking \
			startup first_minute index; do \
		$(BIN)/python benchmarks/$$name.py || exit 1; \
	done

# Builds the documentation into site/, without a network; broken links are errors.
docs: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	$(BIN)/python -m pytest tests/unit/test_docs.py tests/unit/test_docs_site.py
	PYTHONPATH=scripts $(BIN)/python -m docs_site

# Builds dist/, checks it and uses the wheel in clean environments; needs no .venv.
release:
	$(PYTHON) scripts/release.py

clean:
	rm -rf $(VENV) demo build dist site .pytest_cache .mypy_cache .ruff_cache
