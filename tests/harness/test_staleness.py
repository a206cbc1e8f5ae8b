"""Which changes make a kept figure stale, in a small repository of its own."""

import subprocess

import keras
import pytest

from harness.staleness import changed_since, modules_of, network_files

FILES = {
    "apps/digits/app.py": "from apps.digits import data, diagnosis, evaluate, serve\nfrom apps.digits.tuning import tune\nfrom harness.app import App\n",
    "apps/digits/evaluate.py": "from harness import app, calibration\n",
    "apps/digits/tuning.py": "DEFAULT = 1\n",
    "apps/digits/centring.py": "SIDE = 28\n",
    "apps/digits/data.py": '"""Data."""\n\nfrom apps.digits.centring import SIDE\n\n\ndef prepare():\n    """Reads."""\n    from datasets import mnist\n\n    return mnist.load()\n',
    "apps/digits/serve.py": "from datasets import pictures\n",
    "apps/digits/presets.py": "PRESETS = {}\n",
    "apps/digits/diagnosis.py": "COARSE = 1\n",
    "apps/speech/app.py": "import datasets.an4\n",
    "datasets/__init__.py": "",
    "datasets/mnist.py": "from datasets.fetch import ensure\n",
    "datasets/fetch.py": "def ensure():\n    return 1\n",
    "datasets/pictures.py": "LARGEST = 1\n",
    "datasets/an4.py": "RATE = 16000\n",
    "harness/calibration.py": "LOWEST = 1\n",
    "harness/session.py": "from harness import command_line, export, training\n",
    "harness/command_line.py": "FLAG = 1\n",
    "harness/training.py": "import numpy\n\nEPOCHS = 1\n",
    "harness/export.py": "x = 1\n",
    "harness/app.py": "class App:\n    pass\n",
}


def git(root, *arguments):
    options = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *options, *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_modules_are_followed_through_functions_and_packages(repository):
    assert modules_of(repository, "apps/digits/app.py", "harness/session.py") == {
        "apps/digits/app.py",
        "apps/digits/centring.py",
        "apps/digits/data.py",
        "apps/digits/evaluate.py",
        "apps/digits/tuning.py",
        "datasets/__init__.py",
        "datasets/fetch.py",
        "datasets/mnist.py",
        "harness/app.py",
        "harness/calibration.py",
        "harness/session.py",
        "harness/training.py",
    }


@pytest.mark.parametrize("commit_it", [False, True])
@pytest.mark.parametrize(
    ("name", "text", "is_stale"),
    [
        ("datasets/fetch.py", "def ensure():\n    return 2\n", True),
        ("harness/training.py", "import numpy\n\nEPOCHS = 2\n", True),
        ("apps/digits/data.py", FILES["apps/digits/data.py"] + "SIZE = 28\n", True),
        ("harness/training.py", '"""Training."""\n\nimport numpy  # arrays\n\nEPOCHS  =  1\n', False),
        ("apps/digits/data.py", FILES["apps/digits/data.py"].replace("Reads.", "Reads MNIST."), False),
        ("datasets/an4.py", "RATE = 8000\n", False),
        ("apps/speech/app.py", "x = 2\n", False),
        ("apps/digits/presets.py", "PRESETS = {1: 2}\n", False),
        ("apps/digits/serve.py", "x = 2\n", False),
        ("harness/export.py", "x = 2\n", False),
        ("harness/command_line.py", "FLAG = 2\n", False),
        ("apps/digits/diagnosis.py", "COARSE = 2\n", False),
        ("README.md", "Read me.\n", False),
    ],
)
def test_only_code_behind_the_figure_counts(repository, name, text, is_stale, commit_it):
    commit = git(repository, "rev-parse", "--short=12", "HEAD")
    (repository / name).write_text(text, encoding="utf-8")
    if commit_it:
        git(repository, "add", ".")
        git(repository, "commit", "-q", "-m", "second")
    expected = f"{name} changed since commit {commit}" if is_stale else None
    assert changed_since("digits", commit, [commit], repository) == expected
    assert changed_since("digits", f"{commit}-dirty", [f"{commit}-dirty"], repository) == expected


@pytest.mark.parametrize(
    ("name", "text", "trains"),
    [
        ("apps/digits/evaluate.py", "from harness import app, calibration\n\nSHOWN = 2\n", False),
        ("apps/digits/tuning.py", "DEFAULT = 2\n", False),
        ("harness/calibration.py", "LOWEST = 2\n", False),
        ("apps/digits/centring.py", "SIDE = 20\n", False),  # data.py imports it, for a person's own pictures
        ("harness/app.py", "class Role:\n    pass\n", True),  # evaluate.py imports it, and app.py too
        ("apps/digits/app.py", FILES["apps/digits/app.py"] + "x = 1\n", True),
        ("harness/training.py", "EPOCHS = 2\n", True),
    ],
)
def test_another_evaluation_brings_what_only_evaluates_up_to_date(repository, name, text, trains):
    first = git(repository, "rev-parse", "--short=12", "HEAD")
    (repository / name).write_text(text, encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "second")
    second = git(repository, "rev-parse", "--short=12", "HEAD")
    when = "" if trains else ", when it was evaluated"
    assert changed_since("digits", first, [first], repository) == f"{name} changed since commit {first}{when}"
    again = f"{name} changed since commit {first}" if trains else None
    assert changed_since("digits", first, [second], repository) == again
    assert changed_since("digits", second, [second], repository) is None
    one_seed_left = f"{name} changed since commit {first}{when}"
    assert changed_since("digits", second, [second, first], repository) == (None if trains else one_seed_left)


LAYER = "import keras\n\n\nclass {}(keras.layers.Layer):\n    SIZE = {}\n"


@pytest.mark.parametrize(
    ("name", "text", "counts_for"),
    [
        ("shared_layers/block.py", LAYER.format("Block", 2), ["block", None]),
        ("shared_layers/norm.py", LAYER.format("Norm", 2), ["block", None]),  # the block is made of it
        ("shared_layers/slope.py", "SLOPE = 2\n", ["block", None]),  # only the normalisation imports it
        ("shared_layers/maxout.py", LAYER.format("Maxout", 2), ["maxout", None]),
        ("shared_layers/loss.py", "WEIGHT = 2\n", ["block", "maxout", None]),  # no layer: it may train any network
    ],
)
def test_shared_layers_of_other_networks_do_not_count(repository, name, text, counts_for):
    files = {
        "apps/digits/app.py": "from apps.digits import data\nfrom shared_layers import block, loss, maxout\n",
        "shared_layers/block.py": LAYER.format("Block", 1) + "\n\nfrom shared_layers import norm\n",
        "shared_layers/norm.py": LAYER.format("Norm", 1) + "\n\nfrom shared_layers import slope\n",
        "shared_layers/slope.py": "SLOPE = 1\n",
        "shared_layers/maxout.py": LAYER.format("Maxout", 1),
        "shared_layers/loss.py": "WEIGHT = 1\n",
    }
    (repository / "shared_layers").mkdir()
    for file, content in files.items():
        (repository / file).write_text(content, encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "second")
    commit = git(repository, "rev-parse", "--short=12", "HEAD")
    kept = files[name].partition("\n\n\nfrom")[2]
    (repository / name).write_text(text + (f"\n\nfrom{kept}" if kept else ""), encoding="utf-8")
    for network in ("block", "maxout", None):
        made_of = None if network is None else [f"shared_layers/{network}.py"]
        expected = f"{name} changed since commit {commit}" if network in counts_for else None
        assert changed_since("digits", commit, [commit], repository, made_of) == expected


@pytest.mark.parametrize(
    ("name", "counts_for"),
    [
        ("lenet5", ["LeNet5"]),
        ("mlp", ["MLP", "MaxoutMLP"]),  # one file builds both
        ("siamese", ["LeNet5", "MLP", "MaxoutMLP", "Siamese"]),  # the evaluation takes a function from it
        ("inputs", ["LeNet5", "MLP", "MaxoutMLP"]),  # what these two are made of
        ("__init__", ["LeNet5", "MLP", "MaxoutMLP", "Siamese"]),
    ],
)
def test_files_of_other_models_do_not_count(repository, name, counts_for):
    take = "from apps.digits.config import"
    files = {
        "apps/digits/app.py": "from apps.digits import evaluate, models\n",
        "apps/digits/evaluate.py": "from apps.digits.models.siamese import ENCODER\n",
        "apps/digits/models/__init__.py": f"{take} MLP, Config, LeNet5, MaxoutMLP, Siamese\nfrom apps.digits.models import lenet5, mlp, siamese\n",
        "apps/digits/models/lenet5.py": f"{take} LeNet5\nfrom apps.digits.models import inputs\n",
        "apps/digits/models/mlp.py": f"{take} MLP, MaxoutMLP\nfrom apps.digits.models import inputs\n",
        "apps/digits/models/siamese.py": f"{take} Siamese\nENCODER = 1\n",
        "apps/digits/models/inputs.py": f"{take} Config\n",
    }
    (repository / "apps/digits/models").mkdir()
    for file, content in files.items():
        (repository / file).write_text(content, encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "second")
    commit = git(repository, "rev-parse", "--short=12", "HEAD")
    changed = f"apps/digits/models/{name}.py"
    (repository / changed).write_text(files[changed] + "x = 2\n", encoding="utf-8")
    for model in ("LeNet5", "MLP", "MaxoutMLP", "Siamese"):
        answer = changed_since("digits", commit, [commit], repository, [], model)
        assert bool(answer) == (model in counts_for), model
    # trained in several phases, or set up by no file that is known: every model counts
    assert changed_since("digits", commit, [commit], repository, None, "LeNet5")
    assert changed_since("digits", commit, [commit], repository, [], "Unknown")


def test_a_network_tells_of_which_shared_layers_it_is_made(tmp_path):
    from shared_layers.activations.absolute import Absolute

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), Absolute()])
    model.save(tmp_path / "model.keras")
    assert network_files(tmp_path) is None  # trained in parts: no history of the whole
    (tmp_path / "history.csv").write_text("epoch\n", encoding="utf-8")
    assert network_files(tmp_path) == ["shared_layers/activations/absolute.py"]


def test_what_training_takes_from_an_evaluation_counts_as_training(repository):
    data = FILES["apps/digits/data.py"] + "\n\nfrom apps.digits import tuning\n"
    (repository / "apps/digits/data.py").write_text(data, encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "second")
    commit = git(repository, "rev-parse", "--short=12", "HEAD")
    (repository / "apps/digits/tuning.py").write_text("DEFAULT = 2\n", encoding="utf-8")
    assert (
        changed_since("digits", commit, [commit], repository) == f"apps/digits/tuning.py changed since commit {commit}"
    )


def test_a_module_that_is_new_and_used_counts(repository):
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "harness/optimizers.py").write_text("x = 1\n", encoding="utf-8")
    (repository / "harness/training.py").write_text("from harness import optimizers\n", encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "second")
    answer = changed_since("digits", commit, [commit], repository)
    assert answer == f"harness/optimizers.py and 1 more changed since commit {commit[:12]}"


def test_a_commit_that_is_not_there(repository):
    head = git(repository, "rev-parse", "HEAD")
    missing = "commit 0123456789ab is not in this repository"
    assert changed_since("digits", "0123456789ab", [head], repository) == missing
    assert changed_since("digits", head, ["0123456789ab"], repository) == missing
    assert changed_since("digits", "unknown", ["unknown"], repository) == "commit unknown is not in this repository"
