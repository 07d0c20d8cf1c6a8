# `make demo` and `make test` do all of their own set-up; the other targets are for developers.
PY := .venv/bin/python
COMPILE := $(PY) -m piptools compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

.PHONY: help setup lab demo rehearse test lint docs messages locale lock-deps dist clean

help:           ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

setup:          ## the virtual environment in .venv, from the lock files
	@.ci/setup

lab: setup      ## system packages and the Kubernetes build, both only where missing
	@$(PY) -m tests.lab install
	@test -n "$$KUBECONFIG" || $(PY) -m tests.lab build

demo: lab       ## the whole way: recipe, stick, zone, running app, upgrade, and back
	@$(PY) -m tests.e2e.demo

rehearse: lab   ## try a bundle in a sealed zone: BUNDLE=/media/stick ROOT=root.json [APP=..] [ANSWERS=..]
	@$(PY) -m tests.lab rehearse --bundle "$(BUNDLE)" --root "$(ROOT)" --app "$(APP)" --answers "$(ANSWERS)"

test: setup     ## every test, on a real cluster too; ARGS="..." goes to one pytest instead
	@$(PY) -m tests.lab install
	@$(PY) -m $(if $(ARGS),pytest $(ARGS),tests.everything)

lint: setup     ## ruff, mypy and the layers alone
	@$(PY) -m pytest -q tests/architecture/test_gates.py

docs: setup     ## the generated documents: errors, the command line, conformance
	@$(PY) -m tests.architecture.documents

messages: setup ## bring the translation catalog in line with the code; lists what is missing
	@$(PY) -m tests.architecture.messages

locale: setup   ## compile the translation catalog
	@$(PY) -m tests.architecture.messages --compile

lock-deps: setup ## resolve the dependencies anew into the lock files
	$(COMPILE) $(ARGS) -o requirements.lock pyproject.toml
	$(COMPILE) $(ARGS) --extra dev --constraint requirements.lock -o requirements-dev.lock pyproject.toml

dist: setup     ## dist/champ.sh: the command as one file for any x86-64 Linux; unpacked, dist/champ/
	@$(PY) -m installer.one_file

clean:          ## everything that was made here, save the virtual environment
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
	find installer champ_offline tests -name __pycache__ -type d -prune -exec rm -rf {} +
