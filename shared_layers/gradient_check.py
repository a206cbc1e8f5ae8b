"""Numeric check of gradients by central differences.

    python -m shared_layers.gradient_check BasicResidualBlock

checks a layer of `shared_layers.cases` by name and prints one line a tensor.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

TOLERANCE = 1e-4
"""Largest relative error of a correct gradient in float64."""


def relative_error(analytic: np.ndarray, numeric: np.ndarray, floor: float = 1e-8) -> float:
    """Returns max |a - n| / max(floor, |a| + |n|) over the elements of two arrays of one shape.

    >>> relative_error(np.array([1.0, 0.0]), np.array([3.0, 0.0]))
    0.5
    """
    analytic, numeric = np.asarray(analytic, np.float64), np.asarray(numeric, np.float64)
    if not analytic.size:
        return 0.0
    return float(np.max(np.abs(analytic - numeric) / np.maximum(floor, np.abs(analytic) + np.abs(numeric))))


def gradient_errors(
    function: Callable[..., Any],
    inputs: Sequence[Any],
    variables: Sequence[Any] = (),
    step: float = 1e-3,
    probes: int = 40,
    seed: int = 0,
    floor: float = 1e-8,
) -> dict[str, float]:
    """Returns the relative error of the gradients by every floating-point input ("input 0", ...) and variable (its path).

    What is differentiated is the sum of all floating-point outputs, weighed by fixed random numbers around zero. The numeric
    derivative is the central difference of fourth order, (8 (f(+h) - f(-h)) - (f(+2h) - f(-2h))) / 12h, so that a step wide
    enough against rounding is exact enough. Keep inputs away from kinks by more than 2h.

    Args:
        function: inputs -> tensor or nested tensors; deterministic, and without side effects on `variables`.
        inputs: arrays; float64 for the tolerance of 1e-4.
        variables: keras.Variable objects; float64 likewise.
        step: h.
        probes: elements of each tensor that are checked, drawn at random where it has more.
        seed: of the weights of the outputs and of the probes.
        floor: derivatives are compared relative to at least this; what computes in float32 wants 1e-3, and a step of 1e-2.
    """
    generator = np.random.default_rng(seed)
    inputs = [tf.convert_to_tensor(value) for value in inputs]
    weights = [
        tf.constant(generator.uniform(-1, 1, output.shape), output.dtype)
        for output in tf.nest.flatten(function(*inputs))
        if output.dtype.is_floating
    ]

    @tf.function
    def total(*tensors):
        outputs = [output for output in tf.nest.flatten(function(*tensors)) if output.dtype.is_floating]
        return tf.add_n([tf.reduce_sum(w * o) / w.shape.num_elements() for w, o in zip(weights, outputs, strict=True)])

    places = [place for place, value in enumerate(inputs) if value.dtype.is_floating]
    values = [tf.convert_to_tensor(variable.value) for variable in variables]
    with tf.GradientTape() as tape:
        tape.watch([inputs[place] for place in places])
        tape.watch([variable.value for variable in variables])
        result = total(*inputs)
    sources = [inputs[place] for place in places] + [variable.value for variable in variables]
    gradients = tape.gradient(result, sources, unconnected_gradients="zero")
    errors = {}
    for number, place in enumerate(places):

        def with_input(value, place=place):
            return float(total(*[*inputs[:place], tf.constant(value, inputs[place].dtype), *inputs[place + 1 :]]))

        errors[f"input {place}"] = _error(with_input, inputs[place], gradients[number], step, probes, generator, floor)
    for number, variable in enumerate(variables):

        def with_variable(value, variable=variable):
            variable.assign(value)
            return float(total(*inputs))

        gradient = gradients[len(places) + number]
        errors[variable.path] = _error(with_variable, values[number], gradient, step, probes, generator, floor)
        variable.assign(values[number])
    return errors


def _error(
    evaluate: Callable[[np.ndarray], float],
    start: tf.Tensor,
    gradient: Any,
    step: float,
    probes: int,
    generator: np.random.Generator,
    floor: float,
) -> float:
    start, gradient = start.numpy(), tf.convert_to_tensor(gradient).numpy().ravel()
    chosen = generator.permutation(start.size)[:probes]

    def moved(place: int, distance: float) -> float:
        value = start.copy()
        value.flat[place] += distance
        return evaluate(value)

    numeric = [
        (8 * (moved(place, step) - moved(place, -step)) - (moved(place, 2 * step) - moved(place, -2 * step)))
        / (12 * step)
        for place in chosen
    ]
    return relative_error(gradient[chosen], np.array(numeric), floor)


def main(arguments: Sequence[str]) -> int:
    """Checks one named layer; 0: correct, 1: not, 2: there is no such layer."""
    from shared_layers.cases import CASES, FUNCTIONS

    cases = {**CASES, **FUNCTIONS}
    if len(arguments) != 1 or arguments[0] not in cases:
        print(f"usage: python -m shared_layers.gradient_check NAME; NAME is one of {', '.join(cases)}", file=sys.stderr)
        return 2
    case = cases[arguments[0]]
    errors = case.gradient_errors()
    for name, error in errors.items():
        print(
            f"{name:60} {error:.1e} {'' if error <= case.tolerance else f'larger than {case.tolerance:.0e}'}".rstrip()
        )
    return 0 if max(errors.values()) <= case.tolerance else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
