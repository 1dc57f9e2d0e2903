# `make run` and `make test` need Python 3.11 and make, nothing else.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
WORKERS ?= 2
# Numerical libraries would otherwise start threads in every test process.
TEST_ENV := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONHASHSEED=0

SCALE_N ?= 20000

.PHONY: help install run scale test test-all test-slurm calibrate benchmark mutants chaos lint docs viz ui clean

help:
	@echo "make run       install, run the integration on the demo cohort, say where the results are"
	@echo "make scale     the same on SCALE_N simulated people (20000) with 9,728 gene and 512 brain columns"
	@echo "make test      lint, layer contracts, tests"
	@echo "make test-all  the same with the slow tests"
	@echo "make test-slurm  run shards as an array job on a Slurm of this machine alone (needs Slurm)"
	@echo "make calibrate measure false-positive rates, power and coverage that are not stored yet (hours)"
	@echo "make benchmark ours and the alternatives side by side: agreement, time, memory (an hour)"
	@echo "make chaos     kill runs and race them, look at what must hold, store the figures (an hour or two)"
	@echo "make mutants   plant faults in a copy and count those that the tests of tests/view miss (half an hour)"
	@echo "make docs      build the documentation site into site/"
	@echo "make viz       browse the lineage in kedro-viz"
	@echo "make ui        compare runs in the MLflow UI"
	@echo "make clean     remove the virtual environment and produced data"

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@rm -f $(VENV)/.installed-*
	@touch $@

run: install
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/kedro run --pipeline=integration
	@$(BIN)/python scripts/say_where.py

# A folder for each size, so that another SCALE_N writes nothing over.
scale: SCALE_DIR = data/01_raw/scale/$(SCALE_N)
scale: install
	test -e $(SCALE_DIR)/truth.json || $(BIN)/python scripts/simulate_scale.py $(SCALE_DIR) --people $(SCALE_N)
	PATH="$(CURDIR)/$(BIN):$$PATH" NGKB_SCALE_DIR=$(SCALE_DIR) $(BIN)/kedro run --pipeline=integration --env scale
	@$(BIN)/python scripts/say_where.py

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

test: install lint
	$(TEST_ENV) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow"

test-all: install lint
	$(TEST_ENV) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Debian: apt-get install slurm-wlm munge. Without it the tests say so and are skipped.
test-slurm: install
	$(TEST_ENV) $(BIN)/python -m pytest -m slurm tests/slurm

calibrate: install
	$(TEST_ENV) $(BIN)/python -m neurogenomics_kb.calibration

# Programs to compare with that the project does not need lie in a folder of their own.
RIVALS := build/rivals
$(RIVALS):
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(RIVALS) cca-zoo combatlearn

benchmark: install $(RIVALS)
	$(TEST_ENV) PYTHONPATH=.:$(RIVALS) $(BIN)/python -m tests.benchmarks
	$(TEST_ENV) PYTHONPATH=. $(BIN)/python tests/benchmarks/bench_biobank.py

# Beside what the project needs, in an environment of its own: mutmut 3.8 reads what pytest 9.1
# took away.
MUTMUT := build/mutmut
chaos: install
	$(TEST_ENV) $(BIN)/python -m tests.chaos

mutants: install
	$(PYTHON) -m venv $(MUTMUT)
	$(MUTMUT)/bin/python -m pip install --quiet --disable-pip-version-check mutmut==3.8.0 "pytest<9.1"
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$($(MUTMUT)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/project.pth
	$(TEST_ENV) $(MUTMUT)/bin/python -m tests.mutation.run

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

viz: install
	$(BIN)/kedro viz run --no-browser

ui: install
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db

clean:
	rm -rf $(VENV) site build mlflow.db mlruns mlartifacts
	find data -path data/01_raw -prune -o -type f ! -name .gitkeep -exec rm -f {} +
