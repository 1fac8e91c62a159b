# Every target also works without make: see README.md.
VENV := .venv

.PHONY: demo test test-all check bench sample dist clean

demo: $(VENV)/.runtime
	@sandboxes/engine/start.sh
	@$(VENV)/bin/arena demo

test: $(VENV)/.dev check
	@sandboxes/engine/start.sh
	@tests/setup-browser.sh
	@tests/setup-latex.sh
	$(VENV)/bin/pytest -n 2 --dist worksteal -q -m "not slow"

test-all: $(VENV)/.dev check
	@sandboxes/engine/start.sh
	@tests/setup-browser.sh
	@tests/setup-latex.sh
	scripts/test-all.sh

check: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(VENV)/.dev
	@sandboxes/engine/start.sh
	scripts/bench.sh

sample: $(VENV)/.dev
	@sandboxes/engine/start.sh
	scripts/sample.sh

dist: $(VENV)/.dev
	$(VENV)/bin/python -m build --wheel --sdist

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.runtime: pyproject.toml requirements/runtime.lock scripts/venv.sh
	@scripts/venv.sh $(VENV)
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.lock requirements/llm.lock
	@scripts/venv.sh $(VENV) dev
	@touch $@
