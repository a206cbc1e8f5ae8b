"""Second phase of training: captions the model draws itself are rewarded by CIDEr-D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from apps.captioning import decoding
from apps.captioning.caption_scores import CiderD
from apps.captioning.config import Config
from apps.captioning.data import EVALUATION_BATCH, CaptionSplit, encoder_inputs
from apps.captioning.vocabulary import END, PADDING, START
from harness.app import Phase, Prepared
from harness.batching import in_order_plan, index_batches, shuffled_plan
from shared_layers.attention.self_critical_captioner import Reward, SelfCriticalCaptioner


def phase(config: Config, spec: dict[str, Any], prepared: Prepared) -> Phase:
    """Returns the phase that follows the one word by word; the best epoch is the one with the highest reward on validation.

    What is validated and kept is the moving average of the weights, where one is asked for; it begins with those learnt word by word,
    so a long one ends between the two phases, where captions have lost less of their variety than at the end of the second.
    """
    settings, train = config.self_critical, prepared.splits["train"]
    training = replace(
        config.training,
        epochs=settings.passes,
        steps_per_epoch=None,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        ema_momentum=settings.ema_momentum or config.training.ema_momentum,
        warmup_fraction=0.0,
        start_from=None,
        monitor="val_reward",
        monitor_mode="max",
        keep="best",
        validate_every=1,
    )
    reward = cider_reward(train.references, prepared.splits["validation"].references, spec["vocabulary"])
    return Phase(
        name="self_critical",
        training=training,
        steps_per_pass=len(train) // settings.batch_size,
        build=lambda previous: SelfCriticalCaptioner(previous.encoder, previous.decoder, name="captioner"),
        compile_arguments=lambda: {
            "draw": lambda model, features, seed: decoding.draw(config, model, features, settings.samples, seed),
            "best": lambda model, features: decoding.generate(config, model, features, 1).words[:, None],
            "reward": reward,
            "start": START,
        },
        batches=lambda split, is_training, first_step=0: batches(
            config, training.batch_size, split, 0 if split is train else len(train), is_training, first_step
        ),
    )


def cider_reward(
    train: Sequence[Sequence[str]], validation: Sequence[Sequence[str]], vocabulary: Sequence[str]
) -> Reward:
    """Returns the CIDEr-D (0 to 10) of captions by word numbers; pictures are numbered through training and validation.

    The end counts as a word: else captions learn to break off before it. How rare a word is, the training captions alone tell.
    """
    ended = [[f"{caption} {vocabulary[END]}" for caption in group] for group in (*train, *validation)]
    scorer = CiderD(ended, counted=len(train))

    def reward(pictures: np.ndarray, words: np.ndarray) -> np.ndarray:
        texts = (" ".join(vocabulary[word] for word in row if word != PADDING) for row in words)
        scores = [scorer.score(int(picture), text) for picture, text in zip(pictures, texts, strict=True)]
        return np.array(scores, np.float32)

    return reward


def batches(
    config: Config, batch_size: int, split: CaptionSplit, first_picture: int, training: bool, first_step: int = 0
) -> tf.data.Dataset:
    """Returns {features or pictures, picture int64 [batch]}: every picture once a pass, in training half of them from the mirror."""
    seed = config.training.seed

    def gather(indices: np.ndarray, seed: np.ndarray) -> np.ndarray:
        return encoder_inputs(split, indices, seed if training and config.data.mirror else None)

    def element(indices: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = tf.numpy_function(gather, [indices, seed], split.inputs.dtype, stateful=False)
        inputs.set_shape([None, *split.input_shape])
        return {split.input_kind: tf.cast(inputs, tf.float32), "picture": indices + first_picture}

    plan = shuffled_plan(len(split), batch_size, seed) if training else in_order_plan(len(split), EVALUATION_BATCH)
    dataset = index_batches(plan, seed, first_step, endless=training)
    return dataset.map(element, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
