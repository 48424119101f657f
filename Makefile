# make          what there is
# make demo     alarms and KPIs from realistic traffic, on your terminal; needs Python 3.11 and nothing else
# make test     everything, on a real Kafka where one can be had
#
# Everything is installed into .venv by hash; the stamps make the second time quick.

PYTHONS := python3.11 python3.12 python3.13 python3
PYTHON ?= $(shell for p in $(PYTHONS); do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# One data-frame thread a process: the processes are the parallelism.
export POLARS_MAX_THREADS ?= 1
# Tests wait for brokers and daemons nearly as long as they compute: three processes fit on two cores.
JOBS ?= 3

.DEFAULT_GOAL := help
.PHONY: help install train models quiet-week demo test crashloop brokers campaigns reloads mutations kafka s3 load bench lint format types imports docs man stale-docs laws generate lock clean

help:
	@echo 'install              .venv/bin/streamwatchd and .venv/bin/swctl'
	@echo 'train                what `swctl model train` needs, too'
	@echo 'models               train the shipped models anew, as further versions in models/; says whether they are the same'
	@echo 'quiet-week [SEED=n]  false alarms of the shipped models over a simulated week, and what they find in the next'
	@echo 'demo [KAFKA=h:p]     realistic traffic, alarms and KPIs on the terminal'
	@echo 'test [ARGS=… JOBS=n]  all tests; real Kafka where java and mvn are there, or KAFKA=host:port'
	@echo 'kafka                a real broker for development, until Ctrl-C'
	@echo 's3                   an S3 server for the tests of the shared snapshot store; needs Go'
	@echo 'bench [N=…]          the reference job, and the cost of many rules'
	@echo 'laws [EXAMPLES=…]    the laws of the engine on more random rules than `make test` takes'
	@echo 'crashloop [KILLS=n SEED=s MINUTES=m]  SIGKILL anywhere on a real Kafka, until n kills are in build/crashloop.ndjson'
	@echo 'brokers [INJECTIONS=n ROUNDS=n SEED=s MINUTES=m]  brokers and networks that fail, until so much is in build/brokers.ndjson'
	@echo 'campaigns            the tests that take minutes each: several brokers, sleeping machines, a host taken over through S3'
	@echo 'reloads [N=n SEED=s] reloads of torn, empty, broken and good files under traffic, until n are in build/reloads.ndjson'
	@echo 'mutations [N=n SEED=s]  spoilt snapshots, journals and rules, until n are in build/mutations.ndjson'
	@echo 'lint types imports   what CI asks of the code; `format` mends what it can'
	@echo 'docs man             build/docs/index.html; build/man/swctl.1'
	@echo 'generate             rewrite what is generated; `stale-docs` only says whether it is stale'
	@echo 'lock                 newest dependencies into the lock files'

# --- installing -------------------------------------------------------------------------------------------------------

install: $(VENV)/.installed
	@echo 'ready: $(BIN)/streamwatchd and $(BIN)/swctl'

$(VENV)/.created:
	@test -n '$(PYTHON)' || { echo 'make: no Python from 3.11 to 3.13 found (tried $(PYTHONS)); name one: make PYTHON=/path/to/python' >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo 'make: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv' >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created requirements.lock setup.cfg pyproject.toml
	$(PIP) install --require-hashes --no-deps -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

train: $(VENV)/.train
	@echo 'ready: $(BIN)/swctl model train'

$(VENV)/.train: $(VENV)/.installed requirements-train.lock
	$(PIP) install --require-hashes --no-deps -r requirements-train.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements-dev.lock
	$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

build/docs-venv/.installed: requirements-docs.lock | $(VENV)/.created
	$(BIN)/python -m venv build/docs-venv
	build/docs-venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps -r requirements-docs.lock
	@touch $@

lock:
	for name in requirements requirements-dev requirements-docs requirements-train; do uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --custom-compile-command 'make lock' $$name.in --output-file $$name.lock || exit; done

# --- running ----------------------------------------------------------------------------------------------------------

demo: $(VENV)/.installed
	@$(BIN)/python -m streamwatchd.demo $(if $(KAFKA),--kafka $(KAFKA))

kafka: $(VENV)/.dev
	@$(BIN)/python -m tests.kafka.server run --port 9092

# The models that ship, from quiet weeks that the demo's generator makes; some minutes on one core. A version that is
# there is never changed: remove it to train it anew.
models: $(VENV)/.train
	@mkdir -p build/models
	$(BIN)/python -m streamwatchd.demo quiet network build/models/network.ndjson.zst --days 7 --seed 11
	$(BIN)/swctl model train link_traffic --rule traffic_off_forecast --from build/models/network.ndjson.zst
	$(BIN)/python -m streamwatchd.demo quiet api build/models/api.ndjson.zst --days 3 --seed 11
	$(BIN)/swctl model train service_mix --rule odd_mix --from build/models/api.ndjson.zst --set samples=1024 --set contrast=100

# What the newest versions say of two other weeks: a quiet one, and one of the next seed with odd stretches in it.
WEEKS := network:link_traffic:traffic_off_forecast api:service_mix:odd_mix
quiet-week: $(VENV)/.installed
	@mkdir -p build/models
	@for week in $(WEEKS); do set -- $$(echo $$week | tr : ' '); file=build/models/$$1-week.ndjson.zst; \
		$(BIN)/python -m streamwatchd.demo quiet $$1 $$file --seed $(or $(SEED),12) && \
		$(BIN)/swctl model evaluate $$2 --rule $$3 --from $$file && \
		$(BIN)/python -m streamwatchd.demo quiet $$1 $$file --seed $$(($(or $(SEED),12) + 1)) --incidents 40 --labels $$file.labels && \
		$(BIN)/swctl model evaluate $$2 --rule $$3 --from $$file --labels $$file.labels || exit; done

# --- checking ---------------------------------------------------------------------------------------------------------

test: $(VENV)/.dev
	$(if $(KAFKA),STREAMWATCHD_KAFKA=$(KAFKA)) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

laws: $(VENV)/.dev
	STREAMWATCHD_LAW_EXAMPLES=$(or $(EXAMPLES),500) $(BIN)/python -m pytest tests/laws $(ARGS)

crashloop: $(VENV)/.dev
	$(BIN)/python -m tests.crashloop --kills $(or $(KILLS),1000) --seed $(or $(SEED),1) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(KAFKA),--kafka $(KAFKA))

brokers: $(VENV)/.dev
	$(BIN)/python -m tests.brokers --injections $(or $(INJECTIONS),200) --rounds $(or $(ROUNDS),12) --seed $(or $(SEED),1) $(if $(MINUTES),--minutes $(MINUTES))

campaigns: $(VENV)/.dev
	$(if $(KAFKA),STREAMWATCHD_KAFKA=$(KAFKA)) $(BIN)/python -m pytest -m campaign $(ARGS)

reloads: $(VENV)/.dev
	$(BIN)/python -m tests.reloads --reloads $(or $(N),10000) --seed $(or $(SEED),1)

mutations: $(VENV)/.dev
	$(BIN)/python -m tests.mutations --n $(or $(N),100000) --seed $(or $(SEED),1)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports --config setup.cfg

s3: $(VENV)/.dev
	@$(BIN)/python -m tests.s3.server install

load: $(VENV)/.dev
	$(BIN)/python -m benchmarks.load.keys $(if $(KEYS),--keys $(KEYS))
	$(BIN)/python -m benchmarks.load.poison

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.rules.run
	$(BIN)/python -m benchmarks.ref1.run $(if $(N),--events $(N)) $(if $(KAFKA),--kafka $(KAFKA))

# --- writing ----------------------------------------------------------------------------------------------------------

docs: build/docs-venv/.installed
	build/docs-venv/bin/python -m sphinx --fail-on-warning --keep-going --quiet docs build/docs
	@echo 'build/docs/index.html'

man: $(VENV)/.installed
	@$(BIN)/python docs/man.py

generate: $(VENV)/.installed
	$(BIN)/python docs/generate.py

stale-docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py --check

clean:
	rm -rf $(VENV) build dist state .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
