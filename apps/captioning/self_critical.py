"""Second phase of training: captions the model draws itself are rewarded by CIDEr-D.

Rennie et al., "Self-critical sequence training for image captioning", CVPR 2017; each drawn caption is compared with the mean
of the others of its picture, as in Luo, "A better variant of self-critical sequence training", 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.captioning import decoding
from apps.captioning.caption_scores import CiderD
from apps.captioning.config import Config
from apps.captioning.data import EVALUATION_BATCH, CaptionSplit, encoder_inputs
from apps.captioning.vocabulary import END, PADDING, START
from harness.app import Phase, Prepared
from harness.batching import in_order_plan, index_batches, shuffled_plan
from shared_layers.attention.captioner import Captioner

Reward = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(pictures int [rows], words int [rows, longest]) -> reward float32 [rows]."""


@keras.saving.register_keras_serializable(package="captioning")
class SelfCriticalCaptioner(Captioner):
    """A captioner that learns by policy gradient from the rewards of captions it draws.

    Its batches are {"features" or "pictures", "picture": int [batch]}, the latter the numbers that the reward knows the pictures by.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.draws = keras.random.SeedGenerator(0, name="draws")
        self.reward_tracker = keras.metrics.Mean("reward")

    def compile(self, config: Config, reward: Reward, **kwargs) -> None:
        """Takes, beside what Keras takes, the settings of drawing and decoding, and the reward."""
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        super().compile(loss=loss, **kwargs)
        self.config, self.reward = config, reward

    def train_step(self, data):
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        features = self._features(inputs)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        # SampleSearch adds a caption's positions to the second number: a thousand a replica keep their draws apart
        seed = tf.cast(self.draws.next(), tf.int32) + tf.stack([0, 1000 * replica])
        words = decoding.draw(self.config, self, features, self.config.self_critical.samples, seed)
        longest = tf.reduce_max(tf.math.count_nonzero(words, axis=-1, dtype=tf.int32))
        words = words[..., :longest]
        rewards = self._rewards(inputs["picture"], words)
        others = (tf.reduce_sum(rewards, 1, keepdims=True) - rewards) / (rewards.shape[1] - 1)
        advantage = rewards - others
        # the sum of the drawn words' cross-entropies, weighted by the advantage, has the gradient of the expected reward
        # (REINFORCE); Keras divides by the number of words, padding included
        weights = tf.cast(longest, tf.float32) * advantage[..., None] * tf.cast(words != PADDING, tf.float32)
        before = tf.concat([tf.fill(tf.shape(words[..., :1]), START), words[..., :-1]], -1)
        known = {name: value for name, value in inputs.items() if name != "picture"}
        self.reward_tracker.update_state(rewards)
        return super().train_step(({**known, "words": before}, words, weights))

    def test_step(self, data):
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        found = decoding.generate(self.config, self, self._features(inputs), 1)
        self.reward_tracker.update_state(self._rewards(inputs["picture"], found.words[:, None]))
        return {"reward": self.reward_tracker.result()}

    def _features(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        return inputs["features"] if "features" in inputs else self.features(inputs["pictures"])

    def _rewards(self, pictures: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
        """Returns float32 [batch, captions] of words [batch, captions, longest]."""
        captions = words.shape[1]
        flat = tf.reshape(words, [-1, tf.shape(words)[2]])
        rewards = tf.numpy_function(self.reward, [tf.repeat(pictures, captions), flat], tf.float32)
        return tf.reshape(rewards, [-1, captions])


def phase(config: Config, spec: dict[str, Any], prepared: Prepared) -> Phase:
    """Returns the phase that follows the one word by word; the best epoch is the one with the highest reward on validation."""
    settings, train = config.self_critical, prepared.splits["train"]
    training = replace(
        config.training,
        epochs=settings.passes,
        steps_per_epoch=None,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_fraction=0.0,
        ema_momentum=None,
        start_from=None,
        monitor="val_reward",
        monitor_mode="max",
        keep="best",
        validate_every=1,
    )
    first = {id(train): 0, id(prepared.splits["validation"]): len(train)}
    reward = cider_reward(train.references, prepared.splits["validation"].references, spec["vocabulary"])
    return Phase(
        name="self_critical",
        training=training,
        steps_per_pass=len(train) // settings.batch_size,
        build=lambda previous: SelfCriticalCaptioner(previous.encoder, previous.decoder, name="captioner"),
        compile_arguments=lambda: {"config": config, "reward": reward},
        batches=lambda split, is_training, first_step=0: batches(
            config, training.batch_size, split, first[id(split)], is_training, first_step
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
    seed, kind = config.training.seed, "features" if split.inputs.dtype == np.float16 else "pictures"
    shape = split.inputs.shape[2:] if kind == "features" else split.inputs.shape[1:]

    def gather(indices: np.ndarray, seed: np.ndarray) -> np.ndarray:
        mirrored = np.zeros(len(indices), bool)
        if training and config.data.mirror:
            mirrored = np.random.default_rng(seed.astype(np.int64)).random(len(indices)) < 0.5
        return encoder_inputs(split, indices, mirrored)

    def element(indices: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = tf.numpy_function(gather, [indices, seed], split.inputs.dtype)
        inputs.set_shape([None, *shape])
        return {kind: tf.cast(inputs, tf.float32), "picture": indices + first_picture}

    plan = shuffled_plan(len(split), batch_size, seed) if training else in_order_plan(len(split), EVALUATION_BATCH)
    dataset = index_batches(plan, seed, first_step, endless=training)
    return dataset.map(element, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
