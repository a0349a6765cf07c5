# Every task of this project is a target here; continuous integration calls the same targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCALCLUSTER := PYTHONPATH=tools $(PYTHON) -m localcluster

# make exports the variables of its command line: `make test KUBERNETES=1.30` tests on that version, `make cluster-up KUBERNETES=1.30`
# starts it. tools/localcluster/versions.py lists the versions.

# Tests on the cluster wait more than they compute.
WORKERS ?= 6

SOURCES := Cargo.toml Cargo.lock pyproject.toml README.md LICENSE $(shell find src crates python plugins -type f -not -name '*.so' -not -path '*/__pycache__/*')

.DEFAULT_GOAL := help
.PHONY: help demo demo-cluster test test-all unit cluster-test fault-test explore soak soak-local lint fmt bench wheel sdist cluster-up cluster-down develop lock clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.wheel ## Run a data service and a workflow that uses one on this machine alone, in a few seconds.
	$(BIN)/dataservice demo
	@if $(BIN)/python -c 'import flytekit' 2>/dev/null; then set -x; \
		K8SDATASERVICE_LOCAL=processes $(BIN)/pyflyte run examples/quickstart.py quickstart; fi

demo-cluster: $(VENV)/.wheel ## Run a workflow with a data service on a real cluster, step by step.
	PYTHONPATH=tools:examples $(BIN)/python -m demo

test: unit cluster-test fault-test ## Run all tests with small fixed samples, after building and installing what they need.

test-all: export FAULTS_PAIRS = 12
test-all: export FAULTS_SEED := $(shell date +%s)
test-all: export FIT_CLUSTERS = 60
test-all: export FIT_SEED := $(shell date +%s)
test-all: export MODEL_SEQUENCES = 200
test-all: export EXPLORE_SAMPLES = 200
test-all: export EXPLORE_MOST_FAULTS = 2
test-all: export FAULTS_SHARE = 1
test-all: test ## Run every test with the full samples, as the nightly workflow does; which takes an hour.

unit: $(VENV)/.wheel ## Run the tests that need no cluster.
	cargo test --locked --workspace
	$(BIN)/pytest tests/unit examples/test_workflow.py --numprocesses 3 --durations 10

cluster-test: $(VENV)/.wheel ## Run the tests on a real cluster: one made for them, or the one of KUBECONFIG_UNDER_TEST.
	$(BIN)/pytest tests/cluster -m "not serial" --ignore tests/cluster/faults --numprocesses $(WORKERS) --dist worksteal --durations 10
	$(BIN)/pytest tests/cluster -m serial --ignore tests/cluster/faults

# These tests measure whether answers arrive in time, so nothing else runs at the same time.
fault-test: $(VENV)/.wheel ## Run the tests that inject every fault into every API call.
	$(BIN)/pytest tests/cluster/faults --numprocesses 3 --dist worksteal

explore: ## Explore more interleavings of the lifecycle than the tests do; EXPLORE_FAULTS and EXPLORE_SAMPLES set how many.
	EXPLORE_MOST_FAULTS=2 EXPLORE_SAMPLES=$${EXPLORE_SAMPLES:-20000} cargo test --release --locked --test interleavings \
		-- --nocapture --include-ignored --skip replay --skip differential

soak: $(VENV)/.wheel ## Create and delete services for 10 minutes while the cluster and the connectors are disturbed; SOAK="--minutes 2" for less.
	PYTHONPATH=tools:tests $(BIN)/python -m soak $(SOAK)

soak-local: $(VENV)/.wheel ## Start and end services of local mode for 5 minutes while replicas and owners are killed; SOAK="--seconds 60" for less.
	PYTHONPATH=tests $(BIN)/python -m soak_local $(SOAK)

lint: $(VENV)/.wheel ## Check formatting, lints, types, stubs and which module imports which.
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
	cargo test --locked --test architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/stubtest k8sdataservice._core --mypy-config-file pyproject.toml
	PYTHONPATH=python:plugins/flytekit/src $(BIN)/lint-imports
	@if command -v cargo-deny >/dev/null; then cargo deny --log-level error check bans licenses sources; \
	else echo "cargo-deny is not installed, so licences and sources are not checked: cargo install --locked cargo-deny"; fi

fmt: $(VENV)/.installed ## Format everything.
	cp LICENSE README.md plugins/flytekit
	cargo fmt --all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed ## Compare with version 1 and with a connector that does nothing, in one run; BENCH="--baseline old/*.whl" adds an earlier version.
	$(BIN)/python benches/run.py $(BENCH)

wheel: dist/.built ## Build the wheel of each distribution, dist/*.whl.

sdist: $(VENV)/.installed ## Build the source of each distribution, dist/*.tar.gz.
	$(BIN)/maturin sdist --out dist
	$(BIN)/python -m build --no-isolation --sdist --outdir dist plugins/flytekit

cluster-up: ## Start the local cluster and print how to use it; KUBERNETES=1.30 selects the version, also for tests.
	$(LOCALCLUSTER) up

cluster-down: ## Stop the local cluster.
	$(LOCALCLUSTER) down

develop: $(VENV)/.installed ## Install the packages into .venv in editable mode.
	$(BIN)/maturin develop --profile dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable plugins/flytekit
	@rm -f $(VENV)/.wheel

lock: $(VENV)/.installed ## Update the lock files to the newest versions that work together.
	cargo update
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--output-file requirements-dev.txt requirements-dev.in

clean: ## Remove build results, but not the cached programs of the local cluster.
	rm -rf target dist $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/.installed: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, and $(PYTHON) is " + sys.version.split()[0] + ": set PYTHON=python3.11, say.") if sys.version_info < (3, 10) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

dist/.built: $(SOURCES) $(VENV)/.installed
	rm -rf dist
	$(BIN)/maturin build --release --out dist
	$(BIN)/python -m build --no-isolation --wheel --outdir dist plugins/flytekit
	@touch $@

# The core in the wheel of the tests has the profile of `cargo test`, so that the dependencies compile once; a release is optimized.
target/wheel/.built: $(SOURCES) $(VENV)/.installed
	rm -rf target/wheel
	$(BIN)/maturin build --profile dev --out target/wheel
	$(BIN)/python -m build --no-isolation --wheel --outdir target/wheel plugins/flytekit
	@touch $@

$(VENV)/.wheel: target/wheel/.built
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps target/wheel/*.whl
	@touch $@
