"""Examples answered a group at a time, against all at once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.groups import GROUP, in_groups, model_in_groups


@pytest.mark.parametrize("count", [0, 1, GROUP - 1, GROUP, GROUP + 1, 3 * GROUP - 5])
def test_the_answers_are_those_of_all_examples_at_once(count):
    seen = []

    def function(values, names):
        tf.debugging.assert_less_equal(tf.shape(values)[0], GROUP)
        seen.append(values.shape)
        return {"sum": tf.reduce_sum(values, axis=1), "name": tf.strings.join([names, "!"])}

    form = {"sum": tf.TensorSpec([None, 2]), "name": tf.TensorSpec([None], tf.string)}
    values = np.random.default_rng(0).normal(size=(count, 3, 2)).astype(np.float32)
    names = np.array([f"example {number}".encode() for number in range(count)], object)
    found = tf.function(lambda values, names: in_groups(function, form, values, names))(
        tf.constant(values), tf.constant(names, tf.string)
    )
    np.testing.assert_allclose(found["sum"], values.sum(axis=1), rtol=1e-5, atol=1e-6)
    assert found["name"].numpy().tolist() == [name + b"!" for name in names]
    assert seen and all(shape[1:] == (3, 2) for shape in seen)


def test_a_model_of_two_answers_gives_both_of_every_example():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, activation="relu")(inputs)
    model = keras.Model(inputs, [hidden, keras.layers.Dense(2)(hidden)])
    examples = np.random.default_rng(1).normal(size=(2 * GROUP + 7, 4)).astype(np.float32)
    grouped = model_in_groups(model, tf.constant(examples))
    for answer, expected in zip(grouped, model.predict(examples, verbose=0), strict=True):
        np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-6)
