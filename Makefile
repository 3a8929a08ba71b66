# Commands that everyone can rely on: `make help` lists them.
SHELL := /bin/bash
export PATH := $(CURDIR)/build/node/bin:$(CURDIR)/node_modules/.bin:$(PATH)
DATA ?= ../shared/data
export PORTCULLIS_DATA ?= $(DATA)
ARGS ?=
portcullis = node tools/cli/portcullis.ts

.PHONY: help setup demo test check bench eval soak fuzz bundle screenshots lock sbom clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: ## everything a fresh machine needs: apt packages (as root), pinned Node, npm packages, models
	@node tools/setup/setup.mjs

demo: setup ## one e-Gate end to end on its twins; ARGS="--travellers 20 --headless" ends by itself
	@$(portcullis) demo $(ARGS)

test: setup ## the whole test suite; last line: N passed, N failed, N skipped
	@node tools/test/run.ts $(ARGS)

check: setup ## types, lint, house rules, profiles, licences
	@node tools/test/check.ts

bench: setup bundle ## every benchmark: BENCH <name> <value> <unit>, and build/bench.json
	@$(portcullis) bench $(ARGS)

eval: setup ## accuracy on labelled data (DATA=folder): EVAL <name> <value> <unit>
	@$(portcullis) eval --data $(DATA) $(ARGS)

soak: setup bundle ## kill -9 at 200 random moments: no acknowledged fact lost, no barrier left open
	@$(portcullis) soak $(ARGS)

fuzz: setup ## every parser that meets outside bytes, time-boxed
	@node tools/test/fuzz.ts $(ARGS)

bundle: setup ## the program as it is shipped: bundled and minified, in build/portcullis
	@node tools/bundle/bundle-program.ts

screenshots: setup ## the pictures in docs/images, from the real pages
	@node tools/site/screenshots.ts
	@node tools/site/technician-screenshots.ts

lock: ## renews package-lock.json: with every hash, and without naming where packages come from
	@scratch=$$(mktemp -d) && cp package.json .npmrc $$scratch && \
	  (cd $$scratch && npm install --package-lock-only --omit-lockfile-registry-resolved=false) && \
	  sed '/^ *"resolved": "http/d' $$scratch/package-lock.json > package-lock.json && rm -r $$scratch

sbom: setup ## the software bill of materials of a release (CycloneDX)
	@npm sbom --package-lock-only --sbom-format cyclonedx --omit dev > build/sbom.json && echo build/sbom.json

clean: ## removes all that was built
	rm -rf build node_modules .tap
