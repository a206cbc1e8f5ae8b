"""Predictions of the speech app and their error rates."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from apps.speech import robustness, tuning
from apps.speech.config import Config
from apps.speech.data import Utterances
from apps.speech.decoding import best_paths, listen
from apps.speech.error_rates import character_errors, word_errors
from apps.speech.models.front_end import SAMPLE_RATE
from harness.app import Metric, Predictions
from harness.statistics import bootstrap_ratio


def predict(config: Config, spec: dict[str, Any], model: Any, split: Utterances) -> Predictions:
    """Returns, for each utterance, what was said and what was heard.

    Returns:
        references, hypotheses (best path), hypotheses_beam, speakers, names: fixed-width strings [n]; log_probability
        float32 [n] of the beam's text in nats; blank_share float32 [n] of the frames whose best class is the blank; seconds
        float64 [n] of sound; processing_seconds float64 [n], the batch's time shared out by sound. Where a language model was
        tuned: hypotheses_with_language_model, and search_seconds float64 [n] that its beam search took. And subset int64 [m], a
        seeded choice of at most 60 utterances, with hypotheses_perturbed [m, perturbations, 1 + strengths] of `robustness.answers`.
    """
    search = tuning.tuned_search(config, spec)
    if search is not None:
        search(np.zeros((1, len(spec["characters"]) + 1)))  # compiled outside the measured time
    rows: dict[str, list[Any]] = {name: [] for name in ("text", "text_beam", "log_probability", "blank_share", "spent")}
    searched: dict[str, list[Any]] = {"text": [], "spent": []}
    for outputs, lengths, spent in listen(config, spec, model, split):
        for name in ("text", "text_beam"):
            rows[name] += [value.decode() for value in outputs[name]]
        rows["log_probability"] += list(outputs["log_probability"])
        rows["blank_share"] += _blank_shares(outputs["log_probabilities"], outputs["frames"])
        rows["spent"] += list(spent * lengths / lengths.sum())
        if search is not None:
            for values, count in zip(outputs["log_probabilities"], outputs["frames"], strict=True):
                start = time.perf_counter()
                searched["text"].append(search(values[:count])[0].text)
                searched["spent"].append(time.perf_counter() - start)
    found = {
        "references": np.array(split.texts, np.str_),
        "hypotheses": np.array(rows["text"], np.str_),
        "hypotheses_beam": np.array(rows["text_beam"], np.str_),
        "speakers": np.array(split.speakers, np.str_),
        "names": np.array(split.names, np.str_),
        "log_probability": np.array(rows["log_probability"], np.float32),
        "blank_share": np.array(rows["blank_share"], np.float32),
        "seconds": np.array([len(samples) / SAMPLE_RATE for samples in split.samples]),
        "processing_seconds": np.array(rows["spent"]),
    }
    if search is not None:
        found["hypotheses_with_language_model"] = np.array(searched["text"], np.str_)
        found["search_seconds"] = np.array(searched["spent"])
    subset = robustness.subset(len(split))
    found["subset"] = subset
    found["hypotheses_perturbed"] = robustness.answers(
        lambda harder: best_paths(config, spec, model, harder), split, subset, found["hypotheses"][subset]
    )
    return found


def _blank_shares(log_probabilities: np.ndarray, frames: np.ndarray) -> list[float]:
    blank = log_probabilities.argmax(-1) == log_probabilities.shape[-1] - 1
    return [float(row[:count].mean()) if count else 1.0 for row, count in zip(blank, frames, strict=True)]


def _without_spaces(texts: np.ndarray) -> np.ndarray:
    return np.array([str(text).replace(" ", "") for text in texts], np.str_)


def evaluate(config: Config, spec: dict[str, Any], predictions: Predictions) -> dict[str, Metric]:
    """Returns word and character error rates and sentence accuracy of the best path, the beam search and the search with a language model.

    Intervals are bootstrap intervals over utterances (Bisani and Ney 2004). Where the model writes phonemes: phoneme instead of
    character error rates, and word error rates of pronunciations. The best path also on fewer utterances with noise and at other speeds.
    """
    references = predictions["references"]
    count = len(references)

    def rate(counted: np.ndarray, total: np.ndarray) -> Metric:
        return Metric(float(counted.sum() / total.sum()), "fraction", count, bootstrap_ratio(counted, total))

    metrics: dict[str, Metric] = {}
    for suffix in ("", "_beam", "_with_language_model"):
        if f"hypotheses{suffix}" not in predictions:
            continue
        hypotheses = predictions[f"hypotheses{suffix}"]
        words = word_errors(references, hypotheses)
        wrong = words["substitutions"] + words["deletions"] + words["insertions"]
        metrics[f"wer{suffix}"] = rate(wrong, words["words"])
        if config.data.units == "phonemes":
            errors = character_errors(_without_spaces(references), _without_spaces(hypotheses))
            metrics[f"phoneme_error_rate{suffix}"] = rate(*errors)
        else:
            metrics[f"cer{suffix}"] = rate(*character_errors(references, hypotheses))
        metrics[f"sentence_accuracy{suffix}"] = rate(references == hypotheses, np.ones(count))
        for kind in ("substitutions", "deletions", "insertions"):
            metrics[f"{kind}{suffix}"] = Metric(float(words[kind].sum()), "count", count)
    metrics["words"] = Metric(float(words["words"].sum()), "count", count)
    metrics["blank_share"] = Metric(float(predictions["blank_share"].mean()), "fraction", count)
    spent, seconds = float(predictions["processing_seconds"].sum()), float(predictions["seconds"].sum())
    unit = "seconds of computing per second of sound"
    metrics["real_time_factor"] = Metric(spent / seconds, unit, count)
    if "search_seconds" in predictions:
        spent += float(predictions["search_seconds"].sum())
        metrics["real_time_factor_with_language_model"] = Metric(spent / seconds, unit, count)
    if "hypotheses_perturbed" in predictions:
        metrics |= robustness.metrics(references[predictions["subset"]], predictions["hypotheses_perturbed"])
    return metrics
