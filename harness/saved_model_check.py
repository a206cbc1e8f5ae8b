"""Calls a SavedModel in a process that imports only TensorFlow, and compares its answers with the expected ones.

    python saved_model_check.py SAVED_MODEL EXAMPLES.json TOLERANCE

EXAMPLES.json: {endpoint: {"inputs": {name: array}, "outputs": {name: array}}}, arrays as `encode` writes them.
Prints one line of JSON: {"largest_difference": ..., "failures": [...]}.
"""

import base64
import json
import sys

import numpy as np


def encode(array):
    """Returns a JSON form of an array; byte strings as base64, so that no byte is lost."""
    array = np.asarray(array)
    if array.dtype.kind in "OSU":
        values = [v if isinstance(v, bytes) else str(v).encode() for v in array.ravel().tolist()]
        return {"shape": array.shape, "bytes": [base64.b64encode(v).decode() for v in values]}
    return {
        "shape": array.shape,
        "dtype": array.dtype.str,
        "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
    }


def decode(stored):
    """Returns the array that `encode` wrote; byte strings as an object array."""
    if "bytes" in stored:
        values = np.empty(len(stored["bytes"]), object)
        values[:] = [base64.b64decode(text) for text in stored["bytes"]]
        return values.reshape(stored["shape"])
    return np.frombuffer(base64.b64decode(stored["data"]), stored["dtype"]).reshape(stored["shape"])


def difference(expected, received):
    """Returns the largest |expected - received| / (1 + |expected|); infinite for other shapes, kinds or strings."""
    if expected.shape != received.shape or (expected.dtype == object) != (received.dtype == object):
        return float("inf")
    if expected.dtype == object:
        return 0.0 if (expected == received).all() else float("inf")
    if expected.size == 0:
        return 0.0
    expected, received = expected.astype(np.float64), received.astype(np.float64)
    with np.errstate(invalid="ignore"):
        ratio = np.abs(expected - received) / (1.0 + np.abs(expected))
    return float(np.max(np.where(expected == received, 0.0, ratio)))


def check(saved_model, examples_file, tolerance):
    """Compares every endpoint's answers; see the module's docstring."""
    import tensorflow as tf

    with open(examples_file, encoding="utf-8") as stream:
        examples = json.load(stream)
    model = tf.saved_model.load(saved_model)
    largest, failures = 0.0, []
    for endpoint, stored in examples.items():
        inputs = {name: tf.constant(decode(value)) for name, value in stored["inputs"].items()}
        outputs = model.signatures[endpoint](**inputs)
        for name, value in stored["outputs"].items():
            found = difference(decode(value), outputs[name].numpy())
            largest = max(largest, found)
            if not found <= tolerance:
                failures.append(f"{endpoint}: {name} differs by {found:.3g}")
    return {"largest_difference": largest if np.isfinite(largest) else 1e30, "failures": failures}


if __name__ == "__main__":
    print(json.dumps(check(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
