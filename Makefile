# make demo: a network collapses in front of you.  make test: everything is checked.  make help: the rest.
PYTHON ?= python3
BIN := .venv/bin
PIP := pip install --quiet --disable-pip-version-check
TESTS := NCLIB_PROFILE=ci OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist worksteal

.PHONY: help demo test slow environments oldest binder lab lint stamp site slides portable student bench clean
help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 10

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10) and 'Python 3.10 or newer is needed: make PYTHON=python3.12 demo')"
	@echo "Installing into .venv (about 2 GB, once; a minute on a fast line) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/$(PIP) --no-compile -r requirements.txt
	@$(BIN)/$(PIP) --no-deps -e .
	@$(BIN)/python -W ignore -m compileall -qq -j 0 .venv/lib || true  # as pip would, on all cores
	@touch $@

demo: .venv/installed  ## run the tour, leave build/00_tour.html and build/collapse.html
	@OMP_NUM_THREADS=1 $(BIN)/python tools/demo.py

test: .venv/installed $(if $(ALL),environments)  ## unit tests, notebooks, browser tests (where a Chromium is found); ALL=1 with the slow ones
	$(TESTS) $(if $(ALL),,-m "not slow") --nbmake tests notebooks

slow: .venv/installed environments  ## what takes longer: ConvNets, MNIST, "Run all" twice, a thousand slider moves
	$(TESTS) -m slow tests

build/oldest/installed: .venv/installed
	@echo "Making an environment with the versions of the oldest host ..."
	@$(PYTHON) -m venv build/oldest
	@build/oldest/bin/$(PIP) ipython==7.34.0 ipykernel==6.17.1 ipywidgets==7.7.1 numpy==2.2.6
	@$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > "$$(build/oldest/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/the-rest.pth"
	@touch $@

oldest: build/oldest/installed  ## build/oldest: IPython and widgets as old as Colab's, for the tests

build/repo2docker/installed:
	@echo "Making an environment with Binder's repo2docker ..."
	@$(PYTHON) -m venv build/repo2docker
	@build/repo2docker/bin/$(PIP) jupyter-repo2docker==2026.4.0
	@touch $@

binder: build/repo2docker/installed  ## print the Dockerfile that Binder makes of this repository (no Docker needed)
	@build/repo2docker/bin/repo2docker --no-build --debug --user-id 1000 --user-name jovyan .

environments: build/oldest/installed build/repo2docker/installed

lab: .venv/installed  ## open JupyterLab on the tour
	$(BIN)/jupyter lab notebooks/00_tour.ipynb

lint: .venv/installed  ## ruff, oxlint, workflows and scripts, and the house rules of the notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/oxlint -c tests/js/oxlint.json --deny-warnings nclib tests/js tools/templates
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --no-progress --pedantic --quiet .github
	$(BIN)/shellcheck .ci/run .github/*.sh binder/postBuild
	$(BIN)/python tools/nb.py check
	$(BIN)/python tools/nb.py lint

stamp: .venv/installed  ## write each .ipynb from its .py
	$(BIN)/python tools/nb.py stamp

site: .venv/installed  ## build/site: all notebooks as pages that need no kernel and no network
	NCLIB_PROFILE=laptop OMP_NUM_THREADS=1 $(BIN)/python tools/nb.py site

slides: .venv/installed  ## build/00_tour.slides.html: lecture slides from the tour, the player in them
	NCLIB_PROFILE=laptop OMP_NUM_THREADS=1 $(BIN)/python tools/nb.py slides

portable: .venv/installed  ## dist/portable: notebooks that carry what they use of the library
	$(BIN)/python tools/nb.py portable

student: .venv/installed  ## dist/student and dist/instructor: without solutions, and with them open
	$(BIN)/python tools/nb.py student
	$(BIN)/python tools/nb.py instructor

bench: .venv/installed  ## measure; prints tables
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/statistics.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/streaming.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/recipes.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/interaction.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/training.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/deep_ufm.py

clean:  ## remove what was built, keep the environment
	rm -rf build dist
