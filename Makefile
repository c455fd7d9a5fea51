.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/ruff: $(wildcard requirements/*.txt)
	python3 -m venv .venv
	.venv/bin/pip install --quiet -r requirements/dev.txt
	.venv/bin/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: demo
demo: .venv/bin/ruff ## Chat with the bot in a browser; needs no token.
	.venv/bin/imgbot demo

.PHONY: binary
binary: .venv/bin/ruff ## Build dist/imgbot: one file to copy to a server.
	.venv/bin/python -m imgbot.ops.install.onefile_build dist/imgbot $(if $(EXTRAS),--with-extras)

.PHONY: packages
packages: .venv/bin/ruff ## Build all files of a release in dist/, which must be empty.
	.venv/bin/python -m imgbot.ops.install.packages_build dist

.PHONY: fmt
fmt: .venv/bin/ruff ## Format the code and mend what can be mended.
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.PHONY: lint
lint: .venv/bin/ruff ## Check style, types and layers.
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/pyrefly check
	.venv/bin/lint-imports

.PHONY: test
test: .venv/bin/ruff ## Run the tests that take seconds; .venv/bin/pytest runs all.
	.venv/bin/pytest -m "not slow"

.PHONY: bench
bench: .venv/bin/ruff ## Race the bot against the guide's design and saq; 25 minutes.
	.venv/bin/python -m tests.bench.race

CASES = 100000
.PHONY: fuzz
fuzz: .venv/bin/ruff ## Feed CASES=100000 damaged inputs of each kind to what reads them.
	.venv/bin/python -m tests.bench.fuzz --cases $(CASES)

.PHONY: subjects
subjects: .venv/bin/ruff ## Build the drawings and names of imgbot/painter/engine/subjects; needs npm.
	.venv/bin/python -m tests.bench.build_subjects

.PHONY: simulate
simulate: .venv/bin/ruff ## Play SEEDS=2000 runs of the simulated world; SEED=7 replays one.
	.venv/bin/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),2000))

.PHONY: settings
settings: .venv/bin/ruff ## Write docs/settings.md out of settings.toml.
	.venv/bin/python -m tests.fixtures.settings_table

RUNS = 1
.PHONY: cluster-chaos
cluster-chaos: .venv/bin/ruff ## Break a cluster in 39 ways, RUNS times; root, iproute2, libfaketime.
	.venv/bin/python -m tests.bench.cluster_chaos $(RUNS)

.PHONY: train-intents
train-intents: .venv/bin/ruff ## Learn the intents from tests/fixtures/utterances_*.toml.
	.venv/bin/python -m tests.bench.train_intents

LOCK = .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --custom-compile-command "make lock"
# A lock begins with the one that it extends, and names the rest. The first compilation is complete,
# for the others keep to its versions. What is in it for another system alone is named again.
REST = $$(sed -n '/sys_platform/d; s/^\([a-z][^=]*\)==.*/--no-emit-package \1/p' $(1))
BEGIN = sed -i -e '2a -r $(1).txt' -e '/^$$/,$$d' requirements/$(2).txt

.PHONY: lock
lock: .venv/bin/ruff ## Lock the newest versions that pyproject.toml allows.
	$(LOCK) -o requirements/dev.txt pyproject.toml --all-extras --group build
	$(LOCK) -o requirements/program.txt pyproject.toml -c requirements/dev.txt
	$(LOCK) -o requirements/build.txt --group build -c requirements/dev.txt
	$(LOCK) -o requirements/extras.txt pyproject.toml -c requirements/dev.txt --extra cutout --extra fill --extra guard --extra heic \
		--extra paint --extra upscale $(call REST,requirements/program.txt)
	$(LOCK) -o requirements/dev.txt pyproject.toml --all-extras --group build \
		$(call REST,requirements/program.txt requirements/extras.txt)
	$(call BEGIN,program,extras)
	$(call BEGIN,extras,dev)

.PHONY: audit
audit: .venv/bin/ruff ## Report known vulnerabilities of what is locked.
	.venv/bin/uv tool run pip-audit@2.10.1 --strict --disable-pip --require-hashes \
		-r requirements/program.txt -r requirements/extras.txt -r requirements/dev.txt

.PHONY: drawing
drawing: ## Draw the picture of ARCHITECTURE.md; needs graphviz.
	dot -Tsvg .readme/life.dot -o .readme/life.svg

.PHONY: check
check: ## Everything that CI runs; installs what is missing with apt.
	.ci/run
