"""The comparison of the architectures."""

import json
import re
from dataclasses import replace

import pytest
import tensorflow as tf

from apps.cifar10 import budget, comparison
from apps.cifar10.config import MLP
from apps.cifar10.presets import PRESETS
from datasets.errors import DataError
from harness import runs
from harness.settings import identity

ROW = comparison.Row("vgg-cifar10", "C2", 0.9234, (0.918, 0.9285), 0.9151, 812_345, 86_000_000, 7, 301.4, 9.61)


@pytest.fixture(autouse=True)
def rows_are_kept_outside_the_repository(tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "KEPT", tmp_path / "kept.json")


def test_every_row_of_the_catalogue_is_compared():
    """But for what builds on earlier training: transfer is compared with training from scratch."""
    rows = {PRESETS[preset].catalogue for preset in comparison.COMPARED}
    assert rows == {preset.catalogue for preset in PRESETS.values()} - {"C-transfer"}


def test_the_page_and_the_readme_hold_every_row(tmp_path, monkeypatch):
    study = comparison.Comparison(output=tmp_path, data="<my pictures>")
    rows = [ROW, replace(ROW, preset="mlp-cifar10", accuracy=0.5, interval95=(0.49, 0.51))]
    text = comparison.page(study, rows).read_text()
    assert (
        len(re.findall("<tr>", text)) == 3 and "92.34 %" in text and "86.0 M" in text and "&lt;my pictures&gt;" in text
    )
    assert not re.search(r"https?://(?!www\.w3\.org)", re.sub(r"base64,[^\"]*", "", text))
    readme = tmp_path / "README.md"
    monkeypatch.setattr(comparison, "README", readme)
    readme.write_text("before\n<!-- comparison:begin -->\nold\n<!-- comparison:end -->\nafter\n")
    for _ in range(2):
        comparison.write_readme(study, rows)
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert (
        text.count("| C2 | vgg-cifar10 | 92.34 % (91.80 – 92.85 %) | 91.51 % | 812,345 | 86.0 M | 7 | 301 | 9.6 |") == 1
    )
    readme.write_text("no marks")
    with pytest.raises(ValueError, match="no <!-- comparison:begin -->"):
        comparison.write_readme(study, rows)


@pytest.mark.parametrize("changed", [{"minutes": 5.0}, {"seed": 2}, {"data": "demo"}])
def test_only_rows_of_the_default_study_are_kept(tmp_path, monkeypatch, changed):
    measures_what_is_asked(monkeypatch, tmp_path)
    study = comparison.Comparison(output=tmp_path, presets=("vgg-cifar10",), **changed)
    comparison.measure(study)
    assert comparison.kept_rows() == {} and comparison.kept_row(study, "vgg-cifar10") is None
    assert "| C2 |" not in (tmp_path / "README.md").read_text()


def test_parts_of_the_default_study_come_together(tmp_path, monkeypatch):
    trained = measures_what_is_asked(monkeypatch, tmp_path)
    for presets in (("vgg-cifar10",), ("mlp-cifar10", "vgg-cifar10"), ("vgg-cifar10", "mlp-cifar10")):
        comparison.measure(comparison.Comparison(output=tmp_path, presets=presets))
    assert trained == ["vgg-cifar10", "mlp-cifar10"]
    assert re.findall(r"^\| (C\d+) \|", (tmp_path / "README.md").read_text(), re.M) == ["C9", "C2"]
    assert (tmp_path / "index.html").read_text().count("<tr>") == 3


@pytest.mark.parametrize("what", ["code", "settings", "nobody knows"])
def test_a_kept_row_is_measured_again_when_code_or_settings_changed(tmp_path, monkeypatch, what):
    evaluated = "1f3a9c02d4e5-dirty" if what == "nobody knows" else "1f3a9c02d4e5"
    trained = measures_what_is_asked(monkeypatch, tmp_path, evaluated)
    study = comparison.Comparison(output=tmp_path, presets=("mlp-cifar10",))
    comparison.measure(study)
    if what == "code":
        monkeypatch.setattr(comparison, "changed_since", lambda *given: "apps/cifar10/data.py changed")
    elif what == "settings":
        preset = PRESETS["mlp-cifar10"]
        changed = replace(preset, config=replace(preset.config, model=MLP(units=500)))
        monkeypatch.setitem(comparison.PRESETS, "mlp-cifar10", changed)
    comparison.measure(study)
    assert trained == ["mlp-cifar10"] * 2


@pytest.mark.parametrize("changed", [{}, {"trained": "0d5e11a7c3b2"}, {"settings": "0123456789"}], ids=str)
def test_the_readme_marks_rows_that_are_older_and_leaves_out_presets_that_are_gone(tmp_path, monkeypatch, changed):
    measures_what_is_asked(monkeypatch, tmp_path)
    vgg, mlp = (comparison.Comparison(output=tmp_path, presets=(f"{name}-cifar10",)) for name in ("vgg", "mlp"))
    comparison.measure(vgg)
    kept = runs.read_json(comparison.KEPT)["vgg-cifar10"]
    gone = {**kept, "row": {**kept["row"], "preset": "gone-cifar10"}}
    runs.write_json(comparison.KEPT, {"vgg-cifar10": {**kept, **changed}, "gone-cifar10": gone})
    monkeypatch.setattr(
        comparison, "changed_since", lambda app, trained, *given: "changed" if trained == "0d5e11a7c3b2" else None
    )
    comparison.measure(mlp)
    text = (tmp_path / "README.md").read_text()
    mark = " †" if changed else ""
    assert re.findall(r"^\| C\d+ \| (.*?) \|", text, re.M) == ["mlp-cifar10", f"vgg-cifar10{mark}"]
    assert len(re.findall(r"^† older than .*\.$", text, re.M)) == (1 if changed else 0)


@pytest.mark.parametrize(
    "content", [b"{", b"\x93NUMPY\xff", b"[]", b'{"mlp-cifar10": 3}', b'{"mlp-cifar10": {"row": {}}}']
)
def test_damaged_kept_rows_are_one_sentence(tmp_path, capsys, content):
    comparison.KEPT.write_bytes(content)
    assert comparison.main(["--presets", "mlp-cifar10", "--output", str(tmp_path)]) == 1
    assert re.fullmatch(r"cifar10: \S*kept.json: [^\n]*; remove the file, [^\n]*\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("within", "changed"),
    [
        ("row", {"accuracy": "x"}),
        ("row", {"accuracy": float("nan")}),
        ("row", {"interval95": None}),
        ("row", {"interval95": [0.5]}),
        ("row", {"interval95": [0.5, None]}),
        ("row", {"epochs": "7"}),
        ("row", {"gpu": 3}),
        ("row", {"preset": "vgg-cifar10"}),
        ("row", {"another": 1}),
        ("kept", {"trained": None}),
        ("kept", {"settings": 3}),
    ],
    ids=str,
)
def test_a_kept_row_of_other_types_is_one_sentence(tmp_path, monkeypatch, capsys, within, changed):
    measures_what_is_asked(monkeypatch, tmp_path)
    flags = ["--presets", "mlp-cifar10", "--output", str(tmp_path)]
    assert comparison.main(flags) == 0
    kept = runs.read_json(comparison.KEPT)["mlp-cifar10"]
    (kept if within == "kept" else kept["row"]).update(changed)
    comparison.KEPT.write_text(json.dumps({"mlp-cifar10": kept}))
    capsys.readouterr()
    assert comparison.main(flags) == 1
    assert re.fullmatch(r"cifar10: \S*kept.json: [^\n]*; remove the file, [^\n]*\n", capsys.readouterr().err)


def measures_what_is_asked(monkeypatch, tmp_path, evaluated="1f3a9c02d4e5"):
    """Replaces planning, training and reading of a run; returns the list of what is trained."""
    trained = []
    (tmp_path / "README.md").write_text("<!-- comparison:begin -->\n<!-- comparison:end -->\n")
    monkeypatch.setattr(comparison, "README", tmp_path / "README.md")
    monkeypatch.setattr(runs, "RUNS", tmp_path)
    monkeypatch.setattr(budget, "minutes_per_pass", lambda config: 2.5)
    monkeypatch.setattr(comparison, "changed_since", lambda *given: None)

    def trains(preset, words, folder):
        trained.append(preset)
        runs.write_json(folder / "metrics.json", {"code": "1f3a9c02d4e5", "evaluated": evaluated})

    monkeypatch.setattr(comparison, "train_and_evaluate", trains)
    accuracies = {"vgg-cifar10": 0.92, "mlp-cifar10": 0.925}
    monkeypatch.setattr(
        comparison,
        "row_of",
        lambda preset, config, plan: replace(
            ROW, preset=preset, catalogue=PRESETS[preset].catalogue, accuracy=accuracies[preset]
        ),
    )
    return trained


def test_the_readme_has_the_marks():
    text = comparison.README.read_text("utf-8")
    assert text.count("<!-- comparison:begin -->") == text.count("<!-- comparison:end -->") == 1


def test_a_plan_is_kept(tmp_path, monkeypatch):
    study = comparison.Comparison(minutes=10, output=tmp_path, data="demo", presets=("mlp-cifar10",), plan_only=True)
    monkeypatch.setattr(budget, "minutes_per_pass", lambda config: 1.6)
    assert comparison.run(study) == [] and not (tmp_path / "index.html").exists()
    monkeypatch.setattr(budget, "minutes_per_pass", lambda config: pytest.fail("measured again"))
    plan = comparison.plan_of(replace(study, seed=3), "mlp-cifar10")
    assert plan == budget.Plan(6, pytest.approx(9.6))
    config = comparison.configured(replace(study, seed=3), "mlp-cifar10", plan.passes)
    assert (config.training.epochs, config.training.seed, config.data.source) == (6, 3, "demo")


def test_the_whitening_learns_for_the_presets_share_of_any_number_of_passes():
    study = comparison.Comparison()
    preset = PRESETS["speedrun-cifar10"].config
    assert comparison.configured(study, "speedrun-cifar10", preset.training.epochs) == preset
    training = comparison.configured(study, "speedrun-cifar10", 6).training
    assert training.optimizer_options == {**preset.training.optimizer_options, "whitening_steps": round(150 * 6 / 17)}
    assert training.epochs == 6


def test_a_plan_is_of_its_data_and_settings(tmp_path, monkeypatch):
    study, preset = comparison.Comparison(output=tmp_path), PRESETS["mlp-cifar10"]
    measured = iter([1.6, 0.8, 0.4])
    monkeypatch.setattr(budget, "minutes_per_pass", lambda config: next(measured))
    assert comparison.plan_of(replace(study, data="demo"), "mlp-cifar10").passes == 6
    assert comparison.plan_of(study, "mlp-cifar10").passes == 12
    changed = replace(preset, config=replace(preset.config, model=MLP(units=500)))
    monkeypatch.setitem(comparison.PRESETS, "mlp-cifar10", changed)
    assert comparison.plan_of(study, "mlp-cifar10").passes == 25


def test_a_plan_leaves_those_of_another_process(tmp_path, monkeypatch):
    study = comparison.Comparison(output=tmp_path)

    def measured(config):
        if isinstance(config.model, MLP):
            comparison.plan_of(study, "vgg-cifar10")
        return 1.6

    monkeypatch.setattr(budget, "minutes_per_pass", measured)
    comparison.plan_of(study, "mlp-cifar10")
    assert len(runs.read_json(tmp_path / "plan.json")) == 2


def test_a_plan_of_another_version_is_one_sentence(tmp_path, capsys):
    name = f"mlp-cifar10-{identity(PRESETS['mlp-cifar10'].config)}, cifar10, 10 reference minutes"
    runs.write_json(tmp_path / "plan.json", {name: 6})
    assert comparison.main(["--presets", "mlp-cifar10", "--output", str(tmp_path)]) == 1
    assert f"plan.json: {name}: not a plan" in capsys.readouterr().err


def test_planning_on_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    with pytest.raises(DataError, match="CUDA_VISIBLE_DEVICES="):
        budget.minutes_per_pass(PRESETS["mlp-cifar10"].config)


def test_a_pass_costs_what_its_arithmetic_costs():
    """Of the MLP, whose steps are matrix products: between its bare arithmetic at the reference speed and five times that."""
    config = PRESETS["mlp-cifar10"].config
    config = replace(config, data=replace(config.data, source="demo"))
    arithmetic = 6 * (3072 * 1000 + 2 * 1000**2 + 1000 * 10) * 3800 / 400e9 / 60
    assert arithmetic < budget.minutes_per_pass(config) < 5 * arithmetic


@pytest.mark.parametrize(
    ("evaluated", "changed", "absent", "words"),
    [
        ("1f3a9c02d4e5", None, "", []),
        ("1f3a9c02d4e5", "apps/cifar10/data.py changed", "", ["train", "evaluate"]),
        ("1f3a9c02d4e5-dirty", None, "", ["train", "evaluate"]),
        ("1f3a9c02d4e5", None, "model.keras", ["train", "evaluate"]),
        ("1f3a9c02d4e5", None, "report.html", ["train", "evaluate"]),
    ],
)
def test_what_is_up_to_date_is_not_done_again(tmp_path, monkeypatch, evaluated, changed, absent, words):
    commands = []
    monkeypatch.setattr(runs, "RUNS", tmp_path)
    monkeypatch.setattr(budget, "minutes_per_pass", lambda config: 2.5)
    monkeypatch.setattr(comparison, "changed_since", lambda app, trained, evaluated, root: changed)
    monkeypatch.setattr(comparison.studies, "run_command", lambda app, words: commands.append(words[0]) or 0)
    monkeypatch.setattr(
        comparison, "row_of", lambda preset, config, plan: replace(ROW, preset=preset, epochs=plan.passes)
    )
    study = comparison.Comparison(output=tmp_path, presets=("mlp-cifar10",))
    folder = runs.seed_folder("cifar10", "mlp-cifar10", comparison.configured(study, "mlp-cifar10", 4))
    for name in {"model.keras", "metrics.json", "report.html"} - {absent}:
        runs.write_json(folder / name, {"code": "1f3a9c02d4e5", "evaluated": evaluated})
    assert [row.epochs for row in comparison.run(study)] == [4]
    assert commands == words


@pytest.mark.parametrize(("one_view", "expected"), [({"accuracy_one_view": {"value": 0.5}}, 0.5), ({}, 0.6)])
def test_a_row_is_what_the_run_left_behind(tmp_path, monkeypatch, one_view, expected):
    monkeypatch.setattr(runs, "RUNS", tmp_path)
    config = comparison.configured(comparison.Comparison(), "mlp-cifar10", 4)
    written = {
        "metrics": {"metrics": {"accuracy": {"value": 0.6, "interval95": [0.59, 0.61]}, **one_view}},
        "training": {"parameters": 7, "seconds": 100.0, "reference_minutes": None},
        "spec": {"class_names": ["cat", "dog"], "size": 32, "mean": [120.0] * 3, "standard_deviation": [60.0] * 3},
        "data": {"counts": {"train": 1000}},
        "environment": {"machine": {"gpu": "NVIDIA H200"}},
    }
    for name, value in written.items():
        runs.write_json(runs.seed_folder("cifar10", "mlp-cifar10", config) / f"{name}.json", value)
    row = comparison.row_of("mlp-cifar10", config, budget.Plan(4, 9.5))
    assert (row.accuracy, row.interval95, row.one_view) == (0.6, (0.59, 0.61), expected)
    assert (row.multiply_adds, row.epochs) == (3072 * 1000 + 2 * 1000**2 + 1000 * 2, 4)
    assert (row.images_per_second, row.reference_minutes, row.gpu) == (4 * 768 / 100, 9.5, "NVIDIA H200")


def test_a_gpu_is_named_and_its_minutes_are_the_plans(tmp_path):
    study = comparison.Comparison(output=tmp_path)
    on_gpu = replace(ROW, gpu="NVIDIA H200")
    text = comparison.about(study, [on_gpu])
    assert "Trained on NVIDIA H200: all;" in text and "reckoned" in text
    assert "Trained on NVIDIA H200: vgg-cifar10;" in comparison.about(
        study, [replace(ROW, preset="mlp-cifar10"), on_gpu]
    )
    assert "reckoned" not in comparison.about(study, [ROW])


def test_a_training_in_phases_is_one_sentence(tmp_path, capsys):
    flags = ["--presets", "autoencoder-classifier-cifar10", "--data", "demo", "--output", str(tmp_path)]
    assert comparison.main(flags) == 1
    assert re.search(
        r"^cifar10: a training in phases \(autoencoder, frozen, train\) is not .*\n", capsys.readouterr().err
    )


def test_the_comparison_itself_leaves_the_gpu_to_the_trainings(tmp_path, monkeypatch):
    hidden = []
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *given: hidden.append(given))
    monkeypatch.setattr(budget, "minutes_per_pass", lambda config: 1.6 if hidden else pytest.fail("not hidden yet"))
    comparison.run(comparison.Comparison(output=tmp_path, presets=("mlp-cifar10",), plan_only=True))
    assert hidden == [([], "GPU")]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--presets", "resnet-152"], "--presets resnet-152: there are [^\n]*"),
        (["--presets"], "--presets: name one [^\n]*"),
        (["--minutes", "-3"], "--minutes -3: expected a finite number above 0"),
        (["--minutes", "0"], "--minutes 0: expected a finite number above 0"),
        (["--minutes", "nan"], "--minutes nan: expected a finite number above 0"),
        (["--minutes", "inf"], "--minutes inf: expected [^\n]*"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(tmp_path, monkeypatch, capsys, flags, sentence):
    trained = measures_what_is_asked(monkeypatch, tmp_path)
    readme = (tmp_path / "README.md").read_text()
    assert comparison.main(["--output", str(tmp_path), *flags]) == 1
    assert re.fullmatch(rf"cifar10: {sentence}\n", capsys.readouterr().err)
    assert trained == [] and (tmp_path / "README.md").read_text() == readme


@pytest.mark.long
def test_two_presets_are_trained_and_compared(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr(runs, "RUNS", tmp_path / "runs")
    study = comparison.Comparison(0.01, presets=("mlp-cifar10", "mobilenet-cifar10"), data="demo", output=tmp_path)
    rows = comparison.run(study)
    assert (
        [row.epochs for row in rows] == [1, 1]
        and all(row.gpu is None for row in rows)
        and all(row.images_per_second > 0 for row in rows)
    )
    assert {row.multiply_adds for row in rows} >= {3072 * 1000 + 2 * 1000**2 + 1000 * 10}
    assert (tmp_path / "index.html").read_text().count("<tr>") == 3
