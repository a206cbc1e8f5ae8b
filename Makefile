APPS := digits cifar10 speech eeg captioning denoising
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
INSTALLED = $(VENV)/installed$(if $(GPU),-with-cuda)
PRESET ?=
STRATEGY ?= auto
ARGS ?=
GPU ?=
WORKERS ?= 2
export TF_CPP_MIN_LOG_LEVEL ?= 3

.DEFAULT_GOAL := help
verbs := train evaluate export run bench
targets = $(addprefix $(1)-,$(APPS))
tests = $(RUN) -m pytest -q -n $(WORKERS)
flags = $(if $(PRESET),--preset $(PRESET)) --strategy $(STRATEGY) $(ARGS)

.PHONY: help setup demo test test-all benchmarks lint report gradient-study compare-digits compare-cifar10 transfer-cifar10 $(foreach verb,$(verbs) predict results,$(call targets,$(verb)))

help: ## list every target
	@grep -hE '^[a-z0-9%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-20s %s\n", $$1, $$2}'
	@echo "  APP: $(APPS); PRESET=name STRATEGY=auto|one|mirrored|multiworker ARGS=\"--training.epochs 20\""

setup: $(INSTALLED) ## create .venv and install requirements.txt (GPU=1: with CUDA)

$(INSTALLED): requirements.txt constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11 to 3.13 is needed; pass PYTHON=python3.12")'
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	$(if $(GPU),$(VENV)/bin/pip install --quiet --disable-pip-version-check "tensorflow[and-cuda]" -c constraints.txt)
	touch $@

demo: setup ## train, evaluate and export all six apps on data that needs no download, then one table
	$(RUN) -m apps.demo

test: setup ## the tests
	$(tests) -m "not long" $(ARGS)

test-all: setup ## the tests, the long ones too
	$(tests) $(ARGS)

benchmarks: setup ## bench every app and keep what it shows in benchmarks/
	$(RUN) -m benchmarks.training_steps $(ARGS)

lint: setup ## ruff check and format
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

report: setup ## write runs/index.html over all runs
	$(RUN) -m harness.report

gradient-study: setup ## redraw the vanishing gradient of deep nets on the digits: two figures
	$(RUN) -m apps.digits.gradient_study $(ARGS)

compare-digits: setup ## activations and optimisers of the MLP side by side; ARGS="--units 1000 --limit None --epochs 60" for more
	$(RUN) -m apps.digits.comparison $(ARGS)

compare-cifar10: setup ## train every architecture of cifar10 under one budget, one table and plot
	$(RUN) -m apps.cifar10.comparison $(ARGS)

transfer-cifar10: setup ## what frozen features are worth with 10, 100 and 1,000 pictures a class, against training from scratch
	$(RUN) -m apps.cifar10.transfer $(ARGS)

train-%: ## train APP, or go on where it stopped
evaluate-%: ## score APP's trained model, write report.html
export-%: ## write and check APP's SavedModel
run-%: ## train, evaluate and export APP
bench-%: ## measure APP's input pipeline, step and SavedModel
predict-%: ## answer for ARGS="files or folders" with APP's exported model
results-%: ## collect APP's finished runs into results/ and the README tables

define app_rules
$(call targets,$(1)): $(1)-%: setup
	$$(RUN) -m apps.$$* $(1) $$(flags)
endef
$(foreach verb,$(verbs) predict,$(eval $(call app_rules,$(verb))))

$(call targets,results): results-%: setup
	$(RUN) -m apps.$* results
