"""report.html and index.html: complete, self-contained, and safe whatever the data say."""

import base64
import dataclasses
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas
import pytest
import soundfile
from matplotlib.figure import Figure

from harness import report
from harness.app import Headline, Metric, Source
from harness.report import RunReport
from harness.results import metrics_document
from harness.sections import Picture, Sound, Table, Text

EVIL = "<script>alert('x')</script>\"><img src=http://evil.example/x.png onerror=alert(1)>"


class Reader(HTMLParser):
    """Collects elements, what they load or link to, and the text a person sees."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.addresses, self.text, self.handlers = [], [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


def figure(pixels=0):
    drawn = Figure(figsize=(3, 2))
    axes = drawn.add_subplot()
    axes.plot(*np.random.default_rng(0).random((2, pixels or 5)))
    return drawn


def run_report(**changes):
    metrics = {
        "wer": {"value": 0.114, "unit": "fraction", "examples": 130, "interval95": [0.091, 0.139]},
        "words": {"value": 773.0, "unit": "count", "examples": 130, "interval95": None},
    }
    baseline = {"wer": {"value": 0.5, "unit": "fraction", "examples": 130, "interval95": [0.45, 0.55]}}
    history = pandas.DataFrame(
        {
            "epoch": [1, 2, 3, 4],
            "loss": [9.0, 3.0, 1.0, 0.2],
            "val_loss": [9.5, np.nan, 2.0, 2.5],
            "val_wer": [0.9, np.nan, 0.3, 0.35],
            "learning_rate": [1e-3, 8e-4, 4e-4, 0.0],
        }
    )
    fields = {
        "app": "speech",
        "preset": "blstm-an4",
        "title": "Deep bidirectional LSTM",
        "catalogue": "P1",
        "literature": "no published figure",
        "headline": Headline("wer", lower_is_better=True),
        "metrics": metrics,
        "baselines": {"nearest_recording": baseline},
        "sections": [],
        "history": history,
        "counts": {"train": 800, "validation": 140, "test": 130},
        "dropped": {"transcript longer than its frames": 7, "empty": 0},
        "notes": ["Ten whole speakers validate."],
        "source": dataclasses.asdict(Source("AN4", "a" * 64, notice="Carnegie Mellon University, 1991.")),
        "config": {"training": {"monitor": "val_loss", "monitor_mode": "min", "keep": "best", "epochs": 4}},
        "environment": {"machine": {"cores": 2, "gpu": None}, "libraries": {"keras": "3.15.1"}},
    }
    return RunReport(**{**fields, **changes})


def rendered(tmp_path, **changes):
    return Reader(report.render(tmp_path, run_report(**changes)).read_text(encoding="utf-8"))


def test_all_parts_stand_in_order(tmp_path):
    page = rendered(tmp_path, sections=[Text("The worst sentence", "Nothing was heard.")])
    assert page.tags.count("h1") == 1
    expected = [
        "Deep bidirectional LSTM",
        "catalogue P1",
        "Word error rate (WER)",
        "11.40 %",
        "95 % interval 9.10 – 13.90 %, 130 test examples",
        "no published figure",
        "nearest recording",
        "50.00 %",
        "773",
        "Nothing was heard.",
        "Learning curves",
        "left out: transcript longer than its frames",
        "Ten whole speakers validate.",
        "a" * 64,
        "training.epochs",
        "libraries.keras",
    ]
    places = []
    for text in expected:
        places.append(page.text.find(text, places[-1] if places else 0))
    assert -1 not in places, expected[places.index(-1)]
    assert "left out: empty" not in page.text


def test_synthetic_data_are_said_to_be_synthetic(tmp_path):
    made = dataclasses.asdict(Source("demo", "b" * 64, synthetic=True))
    assert "Synthetic data." in rendered(tmp_path, source=made).text
    assert "Synthetic" not in rendered(tmp_path).text


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    sections = [Picture("Few", "", figure()), Picture("Many", "", figure(20_000)), Sound("S", "", np.zeros(80), 8000)]
    page = rendered(tmp_path, sections=sections)
    assert len([address for address in page.addresses if address.startswith("data:")]) == 3 + 3
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|url\(", text)
    assert "default-src 'none'" in text
    kinds = re.findall(r"data:([a-z/+]+);", text)
    assert kinds[:3] == ["image/svg+xml", "image/png", "audio/wav"]


def test_text_from_data_is_escaped_wherever_it_stands(tmp_path):
    changes = dict.fromkeys(("app", "preset", "title", "catalogue", "literature", "command"), EVIL)
    sections = [
        Text(EVIL, EVIL),
        Table(EVIL, EVIL, [EVIL, "n"], [[EVIL, 1]]),
        Picture(EVIL, EVIL, figure()),
        Sound(EVIL, EVIL, np.zeros(10), 8000),
    ]
    page = rendered(
        tmp_path,
        **changes,
        sections=sections,
        baselines={EVIL: run_report().metrics},
        counts={EVIL: 3},
        dropped={EVIL: 4},
        notes=[EVIL],
        source={"name": EVIL, "sha256": EVIL, "synthetic": False, "notice": EVIL},
        config={EVIL: EVIL, "training": {}},
        environment={EVIL: [EVIL]},
    )
    assert "script" not in page.tags and not page.handlers
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert page.text.count("alert('x')") >= 20


def test_what_was_left_out_stands_there_by_name_and_escaped(tmp_path):
    shown = rendered(tmp_path, left_out=[("b/7.png", "unreadable picture: empty"), (f"{EVIL}.png", EVIL)])
    assert (
        "Left out, by name (2)" in shown.text and "b/7.png" in shown.text and "unreadable picture: empty" in shown.text
    )
    assert "script" not in shown.tags and not shown.handlers and EVIL in shown.text
    assert "Left out, by name" not in rendered(tmp_path).text


def test_a_page_of_sections_that_is_no_report(tmp_path):
    sections = [Text("How", EVIL), Table("Numbers", "", ["a", "b"], [["x", 0.5]]), Picture("Curve", "", figure())]
    html = report.render_page(tmp_path / "page.html", EVIL, sections).read_text("utf-8")
    shown = Reader(html)
    assert shown.tags.count("h2") == 3 and "table" in shown.tags and shown.text.count(EVIL) == 3
    assert "script" not in shown.tags and not shown.handlers
    assert all(address.startswith("data:image/") for address in shown.addresses) and len(shown.addresses) == 1


def test_a_sound_plays_what_was_given(tmp_path):
    waveform = np.sin(np.arange(400) * 0.2).astype(np.float32) * 1.5
    page = rendered(tmp_path, sections=[Sound("Said", "", waveform, 16000)])
    address = next(address for address in page.addresses if address.startswith("data:audio/wav"))
    decoded, rate = soundfile.read(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert rate == 16000
    np.testing.assert_allclose(decoded, np.clip(waveform, -1, 1), atol=1e-4)


def test_table_cells_read_like_numbers(tmp_path):
    table = Table("T", "", ["word", "count", "share"], [["a", 12345, np.float32(0.25)], ["b", None, True]])
    page = rendered(tmp_path, sections=[table])
    for text in ("12,345", "0.2500", "yes"):
        assert text in page.text


def test_learning_curves_have_a_panel_each_and_mark_the_kept_epoch():
    run = run_report()
    ((name, panels),) = report.learning_curves(run)
    assert name == ""
    assert [panel.title for panel in panels] == ["Loss", "Word error rate (WER)", "Learning rate"]
    loss = panels[0].figure.axes[0]
    assert [line.get_label() for line in loss.lines] == ["training", "validation", "kept: epoch 3"]
    np.testing.assert_array_equal(loss.lines[1].get_xdata(), [1, 3, 4])
    assert list(loss.lines[2].get_xdata()) == [3, 3]
    assert loss.get_yscale() == "log"
    assert panels[2].figure.axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(
    ("training", "marked"),
    [
        ({"monitor": "val_wer", "monitor_mode": "max", "keep": "best"}, "kept: epoch 1"),
        ({"monitor": "val_loss", "monitor_mode": "min", "keep": "last"}, None),
        ({"monitor": "val_absent", "monitor_mode": "min", "keep": "best"}, None),
    ],
)
def test_the_kept_epoch_follows_the_settings(training, marked):
    ((_, panels),) = report.learning_curves(run_report(config={"training": training}))
    labels = [line.get_label() for line in panels[0].figure.axes[0].lines]
    assert [label for label in labels if label.startswith("kept")] == ([marked] if marked else [])


def test_several_phases_stand_under_their_names(tmp_path):
    history = run_report().history
    page = rendered(tmp_path, history={"pretraining": history, "finetuning": history[["epoch", "loss"]]})
    assert page.text.index("pretraining") < page.text.index("finetuning")
    assert len([address for address in page.addresses if address.startswith("data:image")]) == 4


def test_a_report_without_baselines_or_history(tmp_path):
    page = rendered(tmp_path, baselines={}, history=pandas.DataFrame({"epoch": []}), dropped={})
    assert "this model" not in page.text
    assert "Nothing was left out." in page.text


def test_what_is_no_section_is_named(tmp_path):
    with pytest.raises(TypeError, match="not Headline"):
        report.render(tmp_path, run_report(sections=[Headline("wer", lower_is_better=True)]))
    assert not (tmp_path / "report.html").exists()


def test_the_same_run_gives_the_same_bytes(tmp_path):
    first = report.render(tmp_path, run_report(sections=[Picture("P", "", figure())])).read_bytes()
    assert report.render(tmp_path, run_report(sections=[Picture("P", "", figure())])).read_bytes() == first


def finish(runs_folder, app, preset, seed, value, title="A model", synthetic=False, with_report=True):
    document = metrics_document(
        app=app,
        preset=preset,
        title=title,
        catalogue="D1",
        literature="0.95 % error (LeCun 1998)",
        headline=Headline("accuracy", lower_is_better=False),
        source=Source("mnist", "c" * 64, synthetic),
        split="test",
        examples=10_000,
        seed=seed,
        metrics={"accuracy": Metric(value, "fraction", 10_000, (value - 0.01, value + 0.01))},
        baselines={},
        parameters=61_706,
        train_minutes=6.1,
        matmul_gflops=200.0,
        command="make train-digits",
        code="0" * 12,
        evaluated="0" * 12,
        machine={"cpu": "x", "cores": 2, "gpu": None},
        libraries={"keras": "3.15.1"},
    )
    folder = runs_folder / app / f"{preset}-12345678" / f"seed-{seed}"
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(document), encoding="utf-8")
    if with_report:
        (folder / "report.html").write_text("<p>", encoding="utf-8")


def test_the_index_lists_every_finished_run(tmp_path):
    finish(tmp_path, "speech", "blstm", 1, 0.5)
    finish(tmp_path, "digits", "lenet5", 2, 0.981)
    finish(tmp_path, "digits", "lenet5", 1, 0.99, title=EVIL)
    finish(tmp_path, "digits", "demo", 1, 0.9, synthetic=True, with_report=False)
    (tmp_path / "digits" / "unfinished-12345678" / "seed-1").mkdir(parents=True)
    page = Reader(report.render_index(tmp_path).read_text(encoding="utf-8"))
    assert page.addresses == [
        "digits/lenet5-12345678/seed-1/report.html",
        "digits/lenet5-12345678/seed-2/report.html",
        "speech/blstm-12345678/seed-1/report.html",
    ]
    assert "4 finished runs" in page.text
    for text in ("99.00 %", "98.00 – 100.00 %", "61,706", "6.1 min", "0.95 % error (LeCun 1998)", "alert('x')"):
        assert text in page.text
    assert page.text.count("synthetic") == 1
    assert "script" not in page.tags


def test_the_index_of_no_runs_says_what_to_do(tmp_path):
    assert "make demo" in report.render_index(tmp_path).read_text(encoding="utf-8")


def test_a_damaged_metrics_file_is_named(tmp_path):
    finish(tmp_path, "digits", "lenet5", 1, 0.99)
    path = tmp_path / "digits" / "lenet5-12345678" / "seed-1" / "metrics.json"
    path.write_text(path.read_text(encoding="utf-8")[:40], encoding="utf-8")
    with pytest.raises(ValueError, match=r"seed-1/metrics\.json is not a metrics\.json"):
        report.render_index(tmp_path)
