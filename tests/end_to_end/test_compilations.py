"""TensorFlow compiles an app's training step in its first epoch, never again: batches keep their shapes and types."""

import dataclasses
import importlib

import pytest

from harness.optimizers import build_optimizer


@pytest.mark.parametrize(
    "app",
    [
        "digits",
        "cifar10",
        *(pytest.param(app, marks=pytest.mark.long) for app in ("speech", "eeg", "captioning", "denoising")),
    ],
)
def test_no_step_is_compiled_after_the_first_epoch(app, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    presets, application = (importlib.import_module(f"apps.{app}.{name}") for name in ("presets", "app"))
    config = presets.PRESETS["demo"].config
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, limit=100))
    prepared = application.APP.prepare(config)
    phase = application.APP.phases(config, prepared.spec, prepared)[0]
    model = phase.build(None)
    compiled = count_calls(monkeypatch, model, "train_step")
    model.compile(optimizer=build_optimizer(phase.training, 100), **phase.compile_arguments())
    batches = phase.batches(prepared.splits["train"], True)
    counts = []
    for _ in range(3):
        model.fit(batches, steps_per_epoch=max(2, phase.steps_per_pass), verbose=0, shuffle=False)
        model.evaluate(phase.batches(prepared.splits["validation"], False), verbose=0)
        counts.append(len(compiled))
    assert counts[0] >= 1
    assert counts == [counts[0]] * 3


def count_calls(monkeypatch, owner, name):
    """Returns a list that grows by one whenever the method's Python code runs, as it does when TensorFlow compiles it."""
    calls, method = [], getattr(owner, name)

    def counted(*arguments, **named):
        calls.append(name)
        return method(*arguments, **named)

    monkeypatch.setattr(owner, name, counted)
    return calls
