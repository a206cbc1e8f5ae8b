"""From metrics.json over seeds to kept rows and README tables, against hand-computed figures."""

import dataclasses
import json
import math
import shutil
import subprocess

import pytest

from harness import results
from harness.app import Headline, Metric, Source
from harness.settings import Preset, TrainingConfig, identity

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


@dataclasses.dataclass(frozen=True)
class Data:
    source: str = "mnist"


@dataclasses.dataclass(frozen=True)
class LeNet5:
    units: int = 84


@dataclasses.dataclass(frozen=True)
class Config:
    data: Data = Data()
    model: LeNet5 = LeNet5()
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)


PRESETS = {
    "lenet5-mnist": Preset(Config(), "D1", "LeNet-5 | max-pool", "0.95 % error (LeCun 1998)"),
    "lenet5-long": Preset(Config(training=TrainingConfig(epochs=99)), "D1", "LeNet-5, long"),
    "demo": Preset(Config(data=Data("demo")), "D1", "LeNet-5"),
}


def document(seed=1, error=0.01, interval=(0.008, 0.013), preset="lenet5-mnist", code="unknown", **changes):
    fields = {
        "app": "digits",
        "preset": preset,
        "title": PRESETS[preset].title,
        "catalogue": "D1",
        "literature": PRESETS[preset].literature,
        "headline": Headline("error_rate", lower_is_better=True),
        "source": Source("mnist", "d" * 64),
        "split": "test",
        "examples": 10_000,
        "seed": seed,
        "metrics": {
            "error_rate": Metric(error, "fraction", 10_000, interval),
            "seconds": Metric(12.0 * seed, "s", 10_000),
        },
        "baselines": {"ridge": {"error_rate": Metric(0.14, "fraction", 10_000, (0.13, 0.15))}},
        "parameters": 61_706,
        "train_minutes": 6.0 * seed,
        "matmul_gflops": 200.0,
        "command": "make train-digits PRESET=lenet5-mnist",
        "code": code,
        "machine": {"cpu": "x", "cores": 2, "gpu": None},
        "libraries": {"keras": "3.15.1"},
    }
    return results.metrics_document(**{"evaluated": code, **fields, **changes})


def finish(root, made, preset, config=None):
    config = config or PRESETS[preset].config
    folder = root / "runs" / "digits" / f"{preset}-{identity(config)}" / f"seed-{made['seed']}"
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(made), encoding="utf-8")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "apps" / "digits").mkdir(parents=True)
    (tmp_path / "apps" / "digits" / "README.md").write_text(f"# Digits\n\n{BEGIN}\nold\n{END}\n\nMore.\n", "utf-8")
    text = "# Suite\n\n<!-- summary:begin -->\n<!-- summary:end -->\nEnd.\n"
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    (tmp_path / "apps" / "digits" / "app.py").write_text("x = 1\n", encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def git(root, *arguments):
    options = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *options, *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def write(root, presets=PRESETS):
    return [path.name for path in results.write_results("digits", presets, root, root / "runs")]


def kept(root, preset="lenet5-mnist"):
    return json.loads((root / "results" / "digits" / f"{preset}.json").read_text(encoding="utf-8"))


def test_reference_minutes_are_wall_minutes_at_400_gflops():
    made = document()
    assert made["train_minutes"] == 6.0
    assert made["reference_minutes"] == pytest.approx(3.0)
    assert document(matmul_gflops=None)["reference_minutes"] is None


def test_a_gpu_has_no_reference_minutes_and_is_named_in_the_tables():
    gpu = {"cpu": "x", "cores": 16, "gpu": "NVIDIA H200"}
    assert document(machine=gpu, matmul_gflops=50_000.0)["reference_minutes"] is None
    row = {**results.aggregate([document(machine=gpu)]), "stale": None}
    assert "| 6.0 min on NVIDIA H200 |" in results.summary_table([row])


def test_times_of_seeds_on_another_device_do_not_mix():
    gpu = {"cpu": "x", "cores": 16, "gpu": "NVIDIA H200"}
    row = results.aggregate([document(1), document(2, machine=gpu), document(3, machine=gpu)])
    assert row["gpus"] == [None, "NVIDIA H200", "NVIDIA H200"]
    assert (row["train_minutes"], row["reference_minutes"]) == (pytest.approx(6.0), pytest.approx(3.0))
    assert "| 3.0 min (other seeds on NVIDIA H200) |" in results.summary_table([row])


def test_metrics_are_read_back_as_written(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(document()), encoding="utf-8")
    assert results.read_metrics(path) == document()
    assert document()["metrics"]["error_rate"] == {
        "value": 0.01,
        "unit": "fraction",
        "examples": 10_000,
        "interval95": [0.008, 0.013],
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": {"error_rate": Metric(math.nan, "fraction", 3)}}, "error_rate is not finite"),
        ({"metrics": {"error_rate": Metric(0.1, "fraction", 3, (0.0, math.inf))}}, "error_rate is not finite"),
        ({"baselines": {"ridge": {"wer": Metric(math.inf, "fraction", 3)}}}, "ridge: wer is not finite"),
        ({"headline": Headline("wer", True)}, "the headline wer is not among its metrics error_rate, seconds"),
    ],
)
def test_figures_that_are_none_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        document(**changes)


@pytest.mark.parametrize("text", ["", "[]", "3", '{"app": "digits"}'])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "metrics.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"metrics\.json is not a metrics\.json"):
        results.read_metrics(path)


def test_aggregate_by_hand():
    row = results.aggregate([document(3, 0.012, (0.010, 0.016)), document(1), document(2, 0.008, (0.006, 0.010))])
    error = row["metrics"]["error_rate"]
    assert row["seeds"] == [1, 2, 3]
    assert error["values"] == [0.01, 0.008, 0.012]
    assert error["mean"] == pytest.approx(0.010)
    assert error["standard_error"] == pytest.approx(0.002 / math.sqrt(3))
    assert error["interval95"] == pytest.approx([0.008, 0.013])
    assert error["unit"] == "fraction"
    assert row["metrics"]["seconds"]["interval95"] is None
    assert row["baselines"] == {"ridge": {"error_rate": pytest.approx(0.14)}}
    assert (row["train_minutes"], row["reference_minutes"]) == (pytest.approx(12.0), pytest.approx(6.0))


def test_one_seed_has_no_standard_error():
    assert results.aggregate([document()])["metrics"]["error_rate"]["standard_error"] is None


def test_seeds_on_different_data_do_not_mix():
    with pytest.raises(ValueError, match="seeds 1 and 2 were measured on different data"):
        results.aggregate([document(), document(2, source=Source("mnist", "e" * 64))])


def test_rows_hold_finished_runs_of_the_presets_own_settings(root):
    finish(root, document(2, 0.02), "lenet5-mnist")
    finish(root, document(1, 0.01), "lenet5-mnist")
    finish(root, document(3, 0.5), "lenet5-mnist", Config(training=TrainingConfig(epochs=1)))
    finish(root, document(1, 0.5, preset="demo"), "demo")
    assert write(root) == ["lenet5-mnist.json"]
    row = kept(root)
    assert row["seeds"] == [1, 2]
    assert row["metrics"]["error_rate"]["mean"] == pytest.approx(0.015)
    named = {"app", "preset", "catalogue", "dataset", "seeds", "metrics", "baselines", "parameters", "train_minutes"}
    assert named | {"reference_minutes", "command", "code", "evaluated", "machine", "libraries"} <= set(row)
    assert row["dataset"] == {
        "name": "mnist",
        "split": "test",
        "examples": 10_000,
        "sha256": "d" * 64,
        "synthetic": False,
    }


def test_writing_twice_changes_nothing(root):
    finish(root, document(), "lenet5-mnist")
    files = ["results/digits/lenet5-mnist.json", "README.md", "apps/digits/README.md"]
    write(root)
    before = [(root / name).read_bytes() for name in files]
    write(root)
    assert [(root / name).read_bytes() for name in files] == before
    assert sorted(p.name for p in (root / "results" / "digits").iterdir()) == ["lenet5-mnist.json"]


def test_a_row_names_every_evaluation(root):
    finish(root, document(1, evaluated="b" * 12), "lenet5-mnist")
    finish(root, document(2, evaluated="a" * 12), "lenet5-mnist")
    finish(root, document(3, evaluated="b" * 12), "lenet5-mnist")
    write(root)
    assert kept(root)["evaluated"] == ["a" * 12, "b" * 12]


def test_a_row_turns_stale_when_its_code_changes(root):
    commit = git(root, "rev-parse", "--short=12", "HEAD")
    finish(root, document(code=commit), "lenet5-mnist")
    write(root)
    assert kept(root)["stale"] is None
    assert "†" not in (root / "apps/digits/README.md").read_text("utf-8")
    (root / "apps" / "digits" / "app.py").write_text("x = 2\n", encoding="utf-8")
    write(root)
    assert kept(root)["stale"] == f"apps/digits/app.py changed since commit {commit}"
    readme = (root / "apps/digits/README.md").read_text("utf-8")
    assert f"† `lenet5-mnist` is older than the code: apps/digits/app.py changed since commit {commit}." in readme
    assert "†" in (root / "README.md").read_text("utf-8")


def test_every_seed_counts_for_whether_a_row_is_stale(root):
    old = git(root, "rev-parse", "--short=12", "HEAD")
    (root / "apps" / "digits" / "app.py").write_text("x = 2\n", encoding="utf-8")
    git(root, "commit", "-qam", "second")
    new = git(root, "rev-parse", "--short=12", "HEAD")
    finish(root, document(1, code=new), "lenet5-mnist")
    write(root)
    assert kept(root)["stale"] is None
    finish(root, document(2, code=old, evaluated=new), "lenet5-mnist")
    write(root)
    assert kept(root)["trained"] == sorted([old, new])
    assert kept(root)["stale"] == f"apps/digits/app.py changed since commit {old}"


def test_rows_without_runs_are_kept_and_looked_at_again(root):
    finish(root, document(code=git(root, "rev-parse", "HEAD")), "lenet5-mnist")
    write(root)
    (root / "runs").rename(root / "elsewhere")
    changed = {"lenet5-mnist": dataclasses.replace(PRESETS["lenet5-long"])}
    assert write(root, changed) == ["lenet5-mnist.json"]
    assert kept(root)["stale"] == "the preset's settings changed"
    assert write(root, {}) == ["lenet5-mnist.json"]
    assert kept(root)["stale"] == "there is no preset lenet5-mnist any more"
    assert kept(root)["metrics"]["error_rate"]["mean"] == 0.01


def test_seeds_of_a_row_come_together_from_several_machines(root):
    """Each measured where the runs of the others are not."""
    commit = git(root, "rev-parse", "--short=12", "HEAD")
    for seed, error in ((3, 0.03), (1, 0.01), (2, 0.05)):
        finish(root, document(seed, error, code=commit), "lenet5-mnist")
        write(root)
        (root / "runs").rename(root / f"machine_{seed}")
    finish(root, document(2, 0.02, code=commit), "lenet5-mnist")
    write(root)
    assert kept(root)["seeds"] == [1, 2, 3]
    assert kept(root)["metrics"]["error_rate"]["values"] == [0.01, 0.02, 0.03]


@pytest.mark.parametrize("changed", ["code", "settings", "data"])
def test_a_kept_seed_is_left_out_when_it_was_measured_otherwise(root, changed):
    commit = git(root, "rev-parse", "--short=12", "HEAD")
    finish(root, document(1, code=commit), "lenet5-mnist")
    write(root)
    (root / "runs").rename(root / "elsewhere")
    presets = dict(PRESETS)
    if changed == "code":
        (root / "apps" / "digits" / "app.py").write_text("x = 2\n", encoding="utf-8")
        git(root, "commit", "-qam", "second")
    elif changed == "settings":
        config = Config(training=TrainingConfig(epochs=7))
        presets["lenet5-mnist"] = dataclasses.replace(presets["lenet5-mnist"], config=config)
    source = Source("mnist", ("e" if changed == "data" else "d") * 64)
    made = document(2, code=git(root, "rev-parse", "--short=12", "HEAD"), source=source)
    finish(root, made, "lenet5-mnist", presets["lenet5-mnist"].config)
    write(root, presets)
    assert kept(root)["seeds"] == [2]


def test_a_row_that_loses_seeds_or_baselines_says_so(root, capsys):
    for seed in (1, 2):
        finish(root, document(seed, baselines={"linear": {}, "bm3d": {}}), "lenet5-mnist")
    write(root)
    write(root)
    assert capsys.readouterr().err == ""
    shutil.rmtree(root / "runs")
    finish(root, document(1, baselines={"linear": {}}), "lenet5-mnist")
    row = root / "results" / "digits" / "lenet5-mnist.json"
    changed = kept(root)
    changed["documents"][1]["dataset"]["sha256"] = "0" * 64
    row.write_text(json.dumps(changed), encoding="utf-8")
    write(root)
    told = "digits: lenet5-mnist loses seed 2, baseline bm3d: not in the runs here, or measured otherwise\n"
    assert capsys.readouterr().err == told


def test_the_tables_stand_between_their_markers(root):
    finish(root, document(1, 0.01, (0.008, 0.012)), "lenet5-mnist")
    finish(root, document(2, 0.02, (0.018, 0.022)), "lenet5-mnist")
    write(root)
    readme = (root / "apps" / "digits" / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# Digits\n\n{BEGIN}\n| row | preset |") and readme.endswith(f"{END}\n\nMore.\n")
    assert "\nold\n" not in readme
    row = next(line for line in readme.splitlines() if line.startswith("| D1 |"))
    assert "Error rate 1.50 % (1.30 – 1.70 %), standard error 0.50 % over 2 seeds" in row
    for cell in ("`lenet5-mnist`", "LeNet-5 \\| max-pool", "mnist test, 10,000", "ridge 14.00 %", "61,706", "4.5 min"):
        assert cell in row
    front = (root / "README.md").read_text(encoding="utf-8")
    assert front.startswith("# Suite\n\n<!-- summary:begin -->\n| app | model |") and front.endswith("end -->\nEnd.\n")
    assert "[digits](apps/digits/README.md)" in front and "0.95 % error (LeCun 1998)" in front


def test_the_front_page_shows_the_best_row_of_those_measured_alike(root):
    finish(root, document(1, 0.03, (0.02, 0.04)), "lenet5-mnist")
    finish(root, document(1, 0.02, (0.01, 0.03), "lenet5-long"), "lenet5-long")
    write(root)
    front = (root / "README.md").read_text(encoding="utf-8")
    assert "`lenet5-long`" in front and "`lenet5-mnist`" not in front
    rows = results.read_results(root)
    elsewhere = {**rows[0], "dataset": {**rows[0]["dataset"], "examples": 300}}
    higher = [{**row, "lower_is_better": False} for row in rows]
    assert [row["preset"] for row in results.best([*rows, elsewhere])] == ["lenet5-long", rows[0]["preset"]]
    assert [row["preset"] for row in results.best(higher)] == ["lenet5-mnist"]


def test_every_table_row_has_the_cells_of_its_head(root):
    finish(root, document(), "lenet5-mnist")
    write(root)
    for name in ("README.md", "apps/digits/README.md"):
        text = (root / name).read_text(encoding="utf-8").replace("\\|", "")
        blocks = [block.splitlines() for block in text.split("\n\n") if "| --- |" in block]
        assert blocks
        for block in blocks:
            assert len({line.count("|") for line in block if line.startswith("|")}) == 1, name


def test_a_readme_without_markers_is_named(root):
    (root / "README.md").write_text("# Suite\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"README\.md has no <!-- summary:begin -->"):
        results.update_readme("digits", root)
