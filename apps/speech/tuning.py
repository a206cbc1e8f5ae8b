"""The language model of a run: trained on its training transcripts, its weights chosen on its validation utterances."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any

import jiwer
import numpy as np

from apps.speech import kneser_ney, language_model, text
from apps.speech.arpa import BEGIN, END, UNKNOWN, format_arpa, parse_arpa
from apps.speech.beam_search import BeamSearch, beam_search
from apps.speech.config import Config
from apps.speech.data import Utterances
from apps.speech.decoding import listen
from datasets.errors import DataError
from harness.app import Prepared

ARPA_FILE, DECODING_FILE = "language_model.arpa", "decoding.json"
ORDERS = {"word": (2, 3, 4), "character": (4, 6, 8)}
ALPHAS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
BETAS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0)
UTTERANCES = 200
"""Validation utterances, at most, that the weights are chosen on; evenly spread."""


def tune(config: Config, spec: dict[str, Any], model: Any, prepared: Prepared) -> dict[str, str]:
    """Returns the ARPA text of the language model and the settings of the search, or nothing where nothing validates.

    The order is the one with the lowest perplexity of the validation transcripts; alpha, beta, and, with a model of words, whether
    only words of the training transcripts may be heard, are those with the fewest word errors, then character errors. The
    settings also name `hot_words`, word -> nats, none, for whoever uses the run to fill in.
    """
    train, validation = prepared.splits["train"], prepared.splits["validation"]
    if not len(validation):
        return {}
    unit = config.decoding.language_model
    perplexity, order, arpa = best_arpa(train.texts, validation.texts, unit)
    chosen = validation.spread(UTTERANCES)
    sounds = [
        values[:count]
        for outputs, *_ in listen(config, spec, model, chosen)
        for values, count in zip(outputs["log_probabilities"], outputs["frames"], strict=True)
    ]
    decoding = {
        "unit": unit,
        "order": order,
        "validation_perplexity": perplexity,
        **_weights(config, spec, arpa, sounds, chosen),
        "hot_words": {},
    }
    return {ARPA_FILE: arpa, DECODING_FILE: json.dumps(decoding, indent=1) + "\n"}


def best_arpa(train: list[str], validation: list[str], unit: str = "word") -> tuple[float, int, str]:
    """Returns the lowest perplexity of the validation transcripts, the order that gives it, and that model's ARPA text."""
    found = []
    for order in ORDERS[unit]:
        arpa = format_arpa(kneser_ney.train([language_model.tokens(text, unit) for text in train], order))
        perplexity = language_model.build(parse_arpa(arpa, ARPA_FILE), unit).perplexity(validation)
        found.append((perplexity, order, arpa))
    return min(found)


def _weights(
    config: Config, spec: dict[str, Any], arpa: str, sounds: list[np.ndarray], utterances: Utterances
) -> dict[str, Any]:
    """Returns the setting of the search with the fewest errors."""
    found, unit = [], config.decoding.language_model
    for known_words_only in (False, True) if unit == "word" else (False,):
        search = _search(arpa, unit, known_words_only, (), tuple(spec["characters"]), config.decoding.beam_width)
        for alpha, beta in itertools.product(ALPHAS, BETAS):
            weighted = search.weighted(alpha, beta)
            heard = [weighted(values)[0].text for values in sounds]
            errors = jiwer.wer(utterances.texts, heard), jiwer.cer(utterances.texts, heard)
            found.append((*errors, known_words_only, alpha, beta))
    wer, cer, known_words_only, alpha, beta = min(found)
    return {
        "alpha": alpha,
        "beta": beta,
        "known_words_only": known_words_only,
        "utterances": len(utterances),
        "wer": wer,
        "cer": cer,
    }


def tuned_search(config: Config, spec: dict[str, Any]) -> BeamSearch | None:
    """Returns the search that a run's folder tuned/ describes, or None where nothing was tuned.

    Raises:
        DataError: one of its files is damaged, or missing.
    """
    if "tuned" not in spec:
        return None
    try:
        settings = json.loads(spec["tuned"][DECODING_FILE])
        unit, alpha, beta = settings["unit"], _finite(settings["alpha"]), _finite(settings["beta"])
        closed = bool(settings["known_words_only"])
        hot_words = {str(word): _finite(nats) for word, nats in settings.get("hot_words", {}).items()}
        arpa = spec["tuned"][ARPA_FILE]
        if unit not in ORDERS or (closed and unit != "word"):
            raise ValueError(f"unit {unit!r}, expected word, or character without known_words_only")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"tuned/{DECODING_FILE} or tuned/{ARPA_FILE} of the run is missing or damaged ({error}); remove the folder tuned/ "
            "and evaluate again"
        ) from None
    if config.data.units == "characters":
        hot_words = {text.normalised(word): nats for word, nats in hot_words.items()}
    for word in hot_words:
        if not word or " " in word or not set(word) <= set(spec["characters"]):
            raise DataError(
                f"tuned/{DECODING_FILE} of the run: hot word {word!r}, expected one word of the characters that the model knows, "
                f"{''.join(spec['characters']).strip()}"
            )
    characters = tuple(spec["characters"])
    search = _search(arpa, unit, closed, tuple(hot_words.items()), characters, config.decoding.beam_width)
    return search.weighted(alpha, beta)


def _finite(value: Any) -> float:
    if not np.isfinite(number := float(value)):
        raise ValueError(f"a weight of {value}, expected a finite number")
    return number


@functools.lru_cache(maxsize=2)
def _search(
    arpa: str,
    unit: str,
    known_words_only: bool,
    hot_words: tuple[tuple[str, float], ...],
    characters: tuple[str, ...],
    width: int,
) -> BeamSearch:
    model = language_model.build(parse_arpa(arpa, f"tuned/{ARPA_FILE}"), unit)
    lexicon = [word for word in model.places if word not in (BEGIN, END, UNKNOWN)] if known_words_only else None
    return beam_search(characters, width, model, lexicon=lexicon, hot_words=dict(hot_words))
