"""A SavedModel that cannot be written, and a child process that fails, leave nothing and say why."""

from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from harness import export, runs
from harness import session as session_module
from harness.app import Endpoint


@pytest.fixture
def session():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    function = lambda x: {"y": model(x)}  # noqa: E731
    endpoint = Endpoint("answer", function, [tf.TensorSpec([None, 2], name="x")], "x -> y")
    app = SimpleNamespace(
        name="digits",
        tolerance=1e-4,
        endpoints=lambda *given: [endpoint],
        examples=lambda *given: {"answer": {"x": [[1.0, 2.0]]}},
    )
    prepared = SimpleNamespace(splits={"test": [1]})
    return SimpleNamespace(app=app, model=lambda t: model, spec=lambda t: {}, prepared=lambda t: prepared)


def test_a_full_disk_is_named_with_the_folder(session, tmp_path, monkeypatch):
    def write_out(archive, path, verbose):
        raise tf.errors.ResourceExhaustedError(
            None, None, f"{path}/variables/temp; No space left on device [Op:SaveV2]"
        )

    monkeypatch.setattr(type(keras.export.ExportArchive()), "write_out", write_out)
    with pytest.raises(
        runs.WriteFailed, match=r"saved_model\.new: cannot be written \(No space left on device\); make room"
    ):
        export.write_saved_model(session, SimpleNamespace(config=None, folder=tmp_path))


def test_a_child_that_fails_is_quoted_and_what_it_wrote_is_removed(session, tmp_path, monkeypatch):
    def child(arguments, **options):
        (tmp_path / "saved_model.new").mkdir()
        (tmp_path / "saved_model.new" / "half").write_text("half")
        return SimpleNamespace(returncode=1, stdout="", stderr="noise\ndigits: the disk is full\n")

    monkeypatch.setattr(export.subprocess, "run", child)
    with pytest.raises(export.ExportFailed, match="writing the SavedModel failed: digits: the disk is full"):
        export.export(session, SimpleNamespace(config=None, folder=tmp_path))
    assert not (tmp_path / "saved_model.new").exists()


@pytest.mark.parametrize("relative", [False, True])
def test_a_bare_predict_finds_the_exported_run_wherever_it_lies(relative, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RUNS", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    for run in (tmp_path / "runs" / "digits" / "own-1" / "seed-1", tmp_path / "elsewhere" / "seed-1"):
        run.mkdir(parents=True)
        export._point_to(runs.RUNS / "digits", run.relative_to(tmp_path) if relative else run)
        assert session_module._current("digits") == run
    assert (runs.RUNS / "digits" / "current").read_text() == f"{run}\n"
