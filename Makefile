# Everything starts here. `make test` and `make demo` set up what is missing by themselves.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.set-up
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

# A private X server with OpenGL in software. Qt's own "offscreen" platform has no OpenGL: it is
# the fallback, and tests that look at pixels are skipped there.
# Looked up when it is used: set-up may have just installed it.
XVFB = $(call found,Xvfb)
XVFB_RUN = $(and $(call found,xvfb-run),$(call found,xauth),xvfb-run -a -s "-screen 0 1600x1000x24")
OFFSCREEN := QT_QPA_PLATFORM=offscreen
# macOS and Windows have a display without saying so in a variable.
DISPLAYED := $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter-out Linux,$(shell uname)))

# Tests of the headless part. napari's pytest plugins import the whole GUI, so they stay out,
# and tools/block_gui.py makes sure that nothing else lets it in.
HEADLESS_TESTS := $(wildcard tests/core tests/cli tests/tools tests/test_headless.py)
HEADLESS := PYTHONPATH=tools $(BIN)/python -m pytest -p block_gui \
	-p no:napari -p no:npe2 -p no:napari-plugin-engine -p no:pytest-qt --no-xvfb

# Tests run in as many processes, one thread each: two threads of one process gain less.
# Under Xvfb each process has a screen of its own (pytest-xvfb), for the mouse and the focus.
WORKERS ?= 2
SPREAD := --numprocesses $(WORKERS) --dist worksteal
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

found = $(shell command -v $(1) 2>/dev/null)
heading = @printf '\n== %s\n' $(1)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup system test lint types manifest test-headless test-gui reliability demo screenshots docs bench bench-full constraints clean distclean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target text; do printf '%-24s%s\n' "$$target" "$$text"; done

setup: $(STAMP) ## Build .venv, install the packages and the system libraries that Qt needs

system:
	@$(PYTHON) tools/system_packages.py

# torch comes first: nothing that is resolved later may replace it.
# Bytecode is made when a module is imported first, whatever the environment says: most modules are
# never imported, and the tests import some a hundred times.
unexport PYTHONDONTWRITEBYTECODE
$(STAMP): pyproject.toml constraints.txt | system
	$(call heading,"set-up: installing into .venv (the first time takes minutes)")
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(PIP) install "pip>=25.1"
	@$(PIP) install --no-compile --constraint constraints.txt torch
	@$(PIP) install --no-compile --constraint constraints.txt --editable ".[all]" --group test --group lint
	@touch $@

# Types are checked, and the documentation is built, beside the headless tests: both take one core.
test: setup lint manifest ## Set up, then run every check and test
	@$(MAKE) --no-print-directory types docs >.venv/beside.log 2>&1 & beside=$$!; \
		$(MAKE) --no-print-directory test-headless; tests=$$?; \
		wait $$beside; found=$$?; cat .venv/beside.log; \
		[ $$tests -eq 0 ] && exit $$found || exit $$tests
	@$(MAKE) --no-print-directory test-gui

lint: setup
	$(call heading,"ruff: style and imports")
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup
	$(call heading,"mypy: types (strict outside the widgets)")
	@$(BIN)/mypy

manifest: setup
	$(call heading,"npe2: plugin manifest")
	@$(BIN)/npe2 validate napari-probinst
	@$(BIN)/npe2 validate napari.yaml

test-headless: setup ## Test the headless core and the command line, napari and Qt blocked
	$(call heading,"pytest: headless core and command line (napari and Qt blocked)")
	@$(ONE_THREAD) $(HEADLESS) $(SPREAD) $(HEADLESS_TESTS)

test-gui: setup ## Test the plugin in a real napari window under Xvfb
	$(call heading,$(if $(XVFB),"pytest: plugin under Xvfb","pytest: plugin without OpenGL because Xvfb is missing: tests of pixels are skipped"))
	@$(ONE_THREAD) $(if $(XVFB),,$(OFFSCREEN)) $(BIN)/python -m pytest $(SPREAD) \
		$(addprefix --ignore=,$(HEADLESS_TESTS))

reliability: setup ## Kill a session at 100 random moments; `make test` does so at 20
	$(call heading,"pytest: sessions on failing disks and in killed processes")
	@$(ONE_THREAD) NAPARI_PROBINST_KILLS=100 $(HEADLESS) tests/core/curation/test_reliability.py

demo: setup ## Predict the embedded sample and proofread it in napari
	$(call heading,"demo: the embedded sample from image to corrected worms")
	@$(if $(DISPLAYED),,$(or $(XVFB_RUN),$(error the demo needs a display, or xvfb-run and xauth))) \
		$(BIN)/napari-probinst demo --output demo-output $(if $(DISPLAYED),,--unattended)

screenshots: demo ## Take the documentation's pictures from the running plugin
	@mkdir -p docs/images
	@cp demo-output/window-before.png docs/images/proofread-before.png
	@cp demo-output/window.png docs/images/proofread-after.png
	@$(if $(DISPLAYED),,$(XVFB_RUN)) $(BIN)/python tools/screenshots.py docs/images

docs: setup ## Build the documentation's site into site/
	$(call heading,"sphinx: documentation")
	@$(PIP) install --constraint constraints.txt --group docs
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs site

# With a display, because docks are opened too. What fails is told by the table, which counts what
# was measured since asv began: asv keeps older results where it can't measure anew.
ASV = cd benchmarks && $(if $(DISPLAYED),,$(or $(XVFB_RUN),$(OFFSCREEN))) $(abspath $(BIN))/asv
# Benchmarks fork from a process that has imported everything; elsewhere fork isn't safe.
FORK := $(if $(filter Linux,$(shell uname)),--launch-method forkserver)
BENCH = $(ASV) run --environment existing:$(abspath $(BIN))/python --set-commit-hash HEAD --show-stderr $(FORK)
BEGAN := benchmarks/.asv/began
BENCH_TABLE = @$(BIN)/python tools/bench_table.py --since $(BEGAN)

bench: setup ## Time everything beside its straightforward version, in under 5 minutes
	$(call heading,"asv: benchmarks (short version)")
	@$(PIP) install --constraint constraints.txt --group bench
	@$(ASV) machine --yes >/dev/null
	@mkdir -p $(dir $(BEGAN)) && touch $(BEGAN)
	-@export NAPARI_PROBINST_BENCH=short; $(BENCH)
	$(BENCH_TABLE)

bench-full: setup ## The same with more repetitions and larger sizes, in an hour
	$(call heading,"asv: benchmarks (all sizes)")
	@$(PIP) install --constraint constraints.txt --group bench
	@$(ASV) machine --yes >/dev/null
	@mkdir -p $(dir $(BEGAN)) && touch $(BEGAN)
	-@$(BENCH)
	$(BENCH_TABLE)

constraints: setup ## Write the versions installed in .venv to constraints.txt
	@$(PIP) install --group bench --group docs
	@{ sed '/^[^#]/d' constraints.txt; \
		$(BIN)/python -m pip freeze --exclude-editable | sed -n 's/^\([^@+# ]*==[^+ ]*\).*/\1/p'; \
	} > constraints.txt.new
	@mv constraints.txt.new constraints.txt

clean: ## Remove caches, build products and the demo's output
	@rm -rf build dist site demo-output benchmarks/.asv .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove .venv as well
	@rm -rf .venv
