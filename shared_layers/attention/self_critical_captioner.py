"""A captioner trained by the rewards of its own captions."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from shared_layers.attention.captioner import Captioner

Draw = Callable[[keras.Model, tf.Tensor, tf.Tensor], tf.Tensor]
"""(model, features [batch, cells, channels], seed int32 [2]) -> words int32 [batch, captions, longest]."""
Best = Callable[[keras.Model, tf.Tensor], tf.Tensor]
"""(model, features) -> words int32 [batch, 1, longest]."""
Reward = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(pictures int [rows], words int [rows, longest]) -> reward float32 [rows]."""


@keras.saving.register_keras_serializable(package="shared_layers")
class SelfCriticalCaptioner(Captioner):
    """A captioner that learns by policy gradient from the rewards of captions it draws.

    The drawn captions of a picture are compared with the mean reward of one another. Its batches are {"features" or
    "pictures", "picture": int [batch]}, the latter the numbers that the reward knows the pictures by; it measures `reward`, in
    training of drawn captions, in evaluation of the best.

    Source: Rennie et al., "Self-critical sequence training for image captioning", CVPR 2017, with the baseline of Luo, "A
    better variant of self-critical sequence training", 2020.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.seeds = keras.random.SeedGenerator(0, name="seeds")
        self.reward_tracker = keras.metrics.Mean("reward")

    def compile(self, draw: Draw, best: Best, reward: Reward, start: int, **kwargs) -> None:
        """Takes, beside what Keras takes except a loss, how captions come about and are rewarded.

        Args:
            draw: several captions of each picture by chance.
            best: the caption the model would give.
            reward: a Python function.
            start: number of the word before the first; that of padding is 0.
        """
        super().compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), **kwargs)
        self.draw, self.best, self.reward, self.start = draw, best, reward, start

    def call(self, inputs, training: bool = False):
        """As the captioner's, but without dropout: the gradient is that of the distribution the captions were drawn from."""
        return super().call(inputs, training=False)

    def train_step(self, data):
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        features = self._features(inputs)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.random.fold_in(tf.cast(self.seeds.next(), tf.int32), replica)
        words = self.draw(self, features, seed)
        longest = tf.reduce_max(tf.math.count_nonzero(words, axis=-1, dtype=tf.int32))
        words = words[..., :longest]
        rewards = self._rewards(inputs["picture"], words)
        others = (tf.reduce_sum(rewards, 1, keepdims=True) - rewards) / (rewards.shape[1] - 1)
        advantage = rewards - others
        # the sum of the drawn words' cross-entropies, weighted by the advantage, has the gradient of the expected reward
        # (REINFORCE); Keras divides by the number of words, padding included
        weights = tf.cast(longest, tf.float32) * advantage[..., None] * tf.cast(words != 0, tf.float32)
        before = tf.concat([tf.fill(tf.shape(words[..., :1]), self.start), words[..., :-1]], -1)
        known = {name: value for name, value in inputs.items() if name != "picture"}
        self.reward_tracker.update_state(rewards)
        return super().train_step(({**known, "words": before}, words, weights))

    def test_step(self, data):
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        words = self.best(self, self._features(inputs))
        self.reward_tracker.update_state(self._rewards(inputs["picture"], words))
        return {"reward": self.reward_tracker.result()}

    def _features(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        return inputs["features"] if "features" in inputs else self.features(inputs["pictures"])

    def _rewards(self, pictures: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
        """Returns float32 [batch, captions] of words [batch, captions, longest]."""
        captions = words.shape[1]
        flat = tf.reshape(words, [-1, tf.shape(words)[2]])
        rewards = tf.numpy_function(self.reward, [tf.repeat(pictures, captions), flat], tf.float32)
        return tf.reshape(rewards, [-1, captions])
