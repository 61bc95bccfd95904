# `make demo` and `make test` set everything up on a fresh machine; the other targets are for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo serve chaos test lint format types bench figures kernels docs clean
.DEFAULT_GOAL := demo

$(BIN)/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'citybrain needs Python 3.11 or newer')"
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) (SUMO and what the demo needs; once) ..."
	$(PIP) -e '.[sumo,report,bench,serve]'
	@touch $@

$(VENV)/all.stamp: pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) (everything, with PyTorch for training; once) ..."
	$(PIP) -e '.[all]'
	@touch $(VENV)/demo.stamp $@

demo: $(VENV)/demo.stamp  ## the main job on real streets: table on the screen, report in out/demo/report.html
	$(BIN)/citybrain bench --scenarios resco/cologne1,resco/cologne3,resco/cologne8 \
	  --controllers learned,fixed,actuated,webster,max_pressure --seeds 10 --jobs 2 --out out/demo

serve: $(VENV)/demo.stamp  ## a live city: a simulated street, the service, and its page on http://127.0.0.1:8080
	$(BIN)/citybrain serve --demo

test: $(VENV)/all.stamp  ## all tests
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(VENV)/all.stamp  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

types: $(VENV)/all.stamp
	$(BIN)/mypy

format: $(VENV)/all.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/all.stamp  ## kernels and the cost of an episode beside bare SUMO, as ratios
	$(BIN)/python -m benchmarks.kernels
	$(BIN)/python -m benchmarks.overhead
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.forecasting_speed

figures: $(VENV)/all.stamp  ## the figures in benchmarks/baselines/, seeds 1-10, all RESCO networks (a quarter of an hour)
	$(BIN)/python -m benchmarks.figures
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.forecast_figures --counts odot --out benchmarks/baselines/forecast_odot.json

chaos: $(VENV)/all.stamp  ## faults and kills at random moments, about twenty minutes: benchmarks/baselines/chaos.json
	$(BIN)/python -m benchmarks.chaos --json benchmarks/baselines/chaos.json

clean:
	rm -rf $(VENV) out build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
