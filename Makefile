# Everything that is done to this project is a target here; continuous integration calls the same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCALCLUSTER := PYTHONPATH=tests $(PYTHON) -m localcluster

# Tests on the cluster wait more than they compute.
WORKERS ?= 3

SOURCES := Cargo.toml Cargo.lock pyproject.toml README.md LICENSE $(shell find src python -type f -not -name '*.so' -not -path '*/__pycache__/*')

.DEFAULT_GOAL := help
.PHONY: help demo test test-all unit cluster-test fault-test explore soak lint fmt bench wheel cluster-up cluster-down develop lock clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.wheel ## Run a workflow with a data service on a real cluster, step by step.
	PYTHONPATH=tests $(BIN)/python -m demo

test: unit cluster-test ## Run the tests but for the fault suite, large samples reduced to a fixed few; what is missing is built and installed first.

test-all: export FAULTS_PAIRS = 12
test-all: export FAULTS_SEED := $(shell date +%s)
test-all: export FIT_CLUSTERS = 60
test-all: export FIT_SEED := $(shell date +%s)
test-all: export MODEL_SEQUENCES = 200
test-all: export EXPLORE_SAMPLES = 200
test-all: export FAULTS_SHARE = 1
test-all: test fault-test ## Run every test with the full samples, as the nightly workflow does; takes an hour.

unit: $(VENV)/.wheel ## Run the tests that need no cluster.
	cargo test --locked --no-default-features
	$(BIN)/pytest tests/unit --numprocesses 2

cluster-test: $(VENV)/.wheel ## Run the tests on a real cluster: one made for them, or the one of KUBECONFIG_UNDER_TEST.
	$(BIN)/pytest tests/cluster -m "not serial" --numprocesses $(WORKERS) --dist worksteal
	$(BIN)/pytest tests/cluster -m serial --ignore tests/cluster/faults

fault-test: $(VENV)/.wheel ## Run the tests that strike every API call with every fault; the nightly workflow does.
	$(BIN)/pytest tests/cluster/faults

explore: ## Go through more interleavings of the lifecycle than the tests do; EXPLORE_FAULTS and EXPLORE_SAMPLES say how many.
	EXPLORE_SAMPLES=$${EXPLORE_SAMPLES:-20000} cargo test --release --locked --no-default-features --test interleavings \
		-- --nocapture --include-ignored --skip replay --skip differential

soak: $(VENV)/.wheel ## Let services come and go for 10 minutes while the cluster and the connectors are disturbed; SOAK="--minutes 2" for less.
	PYTHONPATH=tests $(BIN)/python -m soak $(SOAK)

lint: $(VENV)/.wheel ## Check formatting, lints, types and stubs.
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --no-default-features --document-private-items
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/stubtest flytekitplugins_k8sdataservice._core --mypy-config-file pyproject.toml
	@if command -v cargo-deny >/dev/null; then cargo deny --log-level error check bans licenses sources; \
	else echo "cargo-deny is not installed, so licences and sources are not checked: cargo install --locked cargo-deny"; fi

fmt: $(VENV)/.installed ## Format everything.
	cargo fmt
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed ## Measure against the plugin of old and against a connector that does nothing, in one run; BENCH="--baseline dist/old.whl" adds an earlier version.
	$(BIN)/python benches/run.py $(BENCH)

wheel: dist/.built ## Build the wheel, dist/*.whl.

cluster-up: ## Start the local cluster and say how to use it.
	$(LOCALCLUSTER) up

cluster-down: ## Take the local cluster down.
	$(LOCALCLUSTER) down

develop: $(VENV)/.installed ## Install the package into .venv so that changes of Python files count at once.
	$(BIN)/maturin develop --profile dev
	@rm -f $(VENV)/.wheel

lock: $(VENV)/.installed ## Write the lock files anew, with the newest versions that work together.
	cargo update
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--output-file requirements-dev.txt requirements-dev.in

clean: ## Remove what was built; caches of the local cluster's programs stay.
	rm -rf target dist $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.installed: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, and $(PYTHON) is " + sys.version.split()[0] + ": set PYTHON=python3.11, say.") if sys.version_info < (3, 10) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

dist/.built: $(SOURCES) $(VENV)/.installed
	rm -rf dist
	$(BIN)/maturin build --release --out dist
	@touch $@

# The wheel of the tests has the profile of `cargo test`, so that the dependencies compile once; a release is optimized.
target/wheel/.built: $(SOURCES) $(VENV)/.installed
	rm -rf target/wheel
	$(BIN)/maturin build --profile dev --out target/wheel
	@touch $@

$(VENV)/.wheel: target/wheel/.built
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps target/wheel/*.whl
	@touch $@
