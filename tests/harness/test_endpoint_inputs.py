"""What a SavedModel says to an input of another form. In graphs of open shape, as they are exported."""

import numpy as np
import pytest
import tensorflow as tf

from apps.digits import models, serve
from apps.digits.config import Config
from harness import endpoint_inputs

PNG = tf.io.encode_png(np.zeros((9, 9, 3), np.uint8)).numpy()


@pytest.fixture(scope="module")
def digits():
    spec = {"class_names": list("0123456789")}
    model = models.build(Config(), spec)
    endpoints = serve.endpoints(Config(), spec, model)
    return {e.name: tf.function(e.function, input_signature=list(e.signature)) for e in endpoints}


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        ([], "expected the bytes of at least one PNG, JPEG, GIF or BMP file .*received none"),
        ([PNG, b""], "expected the bytes of .*received an empty string"),
        ([PNG, b"text"], "JPEG.*PNG.*required"),
        ([PNG[:40]], "PNG"),
    ],
)
def test_bytes_that_are_no_pictures_are_invalid_arguments(digits, pictures, said):
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        digits["picture_bytes"](tf.constant(pictures, tf.string))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((0, 28, 28), r"expected images uint8 \[n, 28, 28\], bright ink on black, received none"),
        ((2, 32, 32), r"\[2,32,32\] is not compatible with expected shape \[\?,28,28\]"),
    ],
)
def test_pictures_of_another_size_are_invalid_arguments(digits, shape, said):
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        digits["images"](tf.zeros(shape, tf.uint8))


def test_what_is_right_passes_unchanged():
    check = tf.function(lambda x: endpoint_inputs.of_shape(x, [None, 3], "expected"))
    values = np.arange(12.0, dtype=np.float32).reshape(2, 2, 3)
    np.testing.assert_array_equal(check(values), values)
    assert endpoint_inputs.picture_bytes(tf.constant([PNG])).numpy().tolist() == [PNG]
