"""How numbers read."""

import pytest

from harness.formatting import (
    direction,
    metric_interval,
    metric_name,
    metric_text,
    metric_value,
    minutes,
    minutes_on,
    number,
)


@pytest.mark.parametrize(
    ("key", "value", "unit", "expected"),
    [
        ("accuracy", 0.99123, "fraction", "99.12 %"),
        ("wer_with_language_model", 0.1, "fraction", "10.00 %"),
        ("bleu4", 0.18449, "fraction", "0.184"),
        ("bleu4_greedy", 0.18449, "fraction", "0.184"),
        ("cider_d", 0.1490, "0 to 10", "0.149"),
        ("real_time_factor", 0.0312, "s/s", "0.031"),
        ("psnr_db", 29.7049, "dB", "29.70 dB"),
        ("words", 773.0, "count", "773"),
        ("images_per_second", 12345.6, "1/s", "12,346 1/s"),
        ("mse", 0.00012345, "", "1.23e-04"),
    ],
)
def test_values(key, value, unit, expected):
    assert metric_value(key, value, unit) == expected


@pytest.mark.parametrize(
    ("key", "interval", "unit", "expected"),
    [
        ("accuracy", (0.98, 0.995), "fraction", "98.00 – 99.50 %"),
        ("psnr_db", [29.1, 30.2], "dB", "29.10 – 30.20 dB"),
        ("rouge_l", [0.4, 0.5], "fraction", "0.400 – 0.500"),
        ("wer", None, "fraction", ""),
    ],
)
def test_intervals_carry_the_unit_once(key, interval, unit, expected):
    assert metric_interval(key, interval, unit) == expected


def test_text_joins_value_and_interval():
    assert (
        metric_text("wer", {"value": 0.1, "unit": "fraction", "interval95": [0.05, 0.2]}) == "10.00 % (5.00 – 20.00 %)"
    )
    assert metric_text("wer", {"value": 0.1, "unit": "fraction", "interval95": None}) == "10.00 %"


def test_names_and_directions():
    assert metric_name("wer") == "Word error rate (WER)"
    assert metric_name("wer_with_language_model") == "Word error rate (WER), with language model"
    assert metric_name("blank_share") == "Blank share"
    assert direction("wer_with_language_model") == "lower is better"
    assert direction("real_time_factor") == "lower is better"
    assert direction("psnr_db") == "higher is better"
    assert direction("words") == ""


@pytest.mark.parametrize(("value", "text"), [(0.5, "30 s"), (6.12, "6.1 min"), (72.4, "1 h 12 min"), (None, "")])
def test_minutes(value, text):
    assert minutes(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.0000"), (12.345, "12.35"), (-0.5, "-0.5000"), (float("inf"), "inf")]
)
def test_number(value, text):
    assert number(value) == text


def test_minutes_on_a_gpu_name_it():
    assert minutes_on(1.5, "NVIDIA H200") == "1.5 min on NVIDIA H200"
    assert minutes_on(1.5, None) == "1.5 min"
    assert minutes_on(None, "NVIDIA H200") == ""
