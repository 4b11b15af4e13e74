# make figures              reproduce every paper's figures and claims (quick profile)
# make figures PAPER=name   one paper;  make figures PROFILE=paper   full size
# make test                 the tests whose code has changed since they last passed here; all of them in a fresh clone
# make test ALL=1           the whole test suite;  make test FULL=1   and every contract test for every solver
PYTHON ?= python3
PROFILE ?= quick
PAPER ?=
FULL ?=
ALL ?=
CI ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PEERS := $(VENV)/.peers
CONFIGS := $(if $(PAPER),$(addprefix paper_configs/,$(addsuffix .toml,$(PAPER))),paper_configs/sparse_classics.toml \
  $(filter-out paper_configs/sparse_classics.toml,$(sort $(wildcard paper_configs/*.toml))))

# Compiled programs are kept between runs, in a folder for this kind of machine (recover/sweeps/cache.py).
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.cache/jax

.PHONY: env figures known test lint index smoke bench bench-accelerator bench-check bench-peers peers gallery clean
.DEFAULT_GOAL := figures

env: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=... to one")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

# One process computes and draws all papers, each figure as soon as its numbers are there; the first takes seconds, so that
# there is something to look at. A figure that fails does not keep the others from being made.
figures: known $(STAMP)
	@$(BIN)/python -m experiments run $(CONFIGS) --profile $(PROFILE) --draw build && echo "open build/index.html"

# A paper that is not there is said to be so once, before anything is installed or computed.
known:
	@missing="$(filter-out $(wildcard paper_configs/*.toml),$(CONFIGS))"; if [ -n "$$missing" ]; then \
	  echo "there is no $$missing; PAPER may be: $(basename $(notdir $(wildcard paper_configs/*.toml)))" >&2; exit 2; \
	fi

gallery: $(STAMP)
	$(BIN)/python -m figures --page-only

# Tests spend most of their time compiling programs that run for milliseconds, so the compiler is told not to try hard: the
# older emitter of kernels takes a third of the time of the newer one.
test smoke: export JAX_DISABLE_MOST_OPTIMIZATIONS ?= 1
test smoke: export XLA_FLAGS := $(XLA_FLAGS) --xla_cpu_use_fusion_emitters=false
# Oracles in NumPy are small: threads that wait for one another would take cores from the other worker.
test smoke: export OPENBLAS_NUM_THREADS ?= 1
test: export RECOVER_ALL_CONTRACTS ?= $(FULL)
test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder -p tests.selection $(if $(ALL)$(FULL)$(CI),,--changed)

smoke: $(STAMP)
	$(BIN)/python -m pytest -n auto tests/experiments tests/figures

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

# Which public name lives where: recover/models.py, solvers.py and so on.
index: $(STAMP)
	$(BIN)/python -m recover.core.index

# make bench FULL=1 adds the long parts; the packages compared with are left out where they are not installed (make peers).
bench: $(STAMP)
	$(BIN)/python -m benchmarks run $(if $(FULL),--full)

# Ratios of a fresh run against the committed ones, those to the peers included. They need a quiet machine.
bench-check: $(PEERS)
	$(BIN)/python -m benchmarks check

# Magni, cr-sparse and PyTorch, each in an environment of its own under .cache/peers.
bench-peers: $(STAMP)
	$(BIN)/python -m benchmarks run own_environments autoencoders

# Instances a second on the accelerator at hand, in under 8 minutes. Nothing is installed: where there is no environment,
# PYTHON must have JAX and what `import recover` needs.
bench-accelerator:
	$(if $(wildcard $(STAMP)),$(BIN)/python,$(PYTHON)) -m benchmarks.accelerator

peers: $(PEERS)

$(PEERS): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[peers]'
	touch $@

clean:
	rm -rf build results .cache .pytest_cache .ruff_cache .hypothesis
