"""Optimizers that treat convolutions, matrices and vectors differently, for short trainings at high rates."""

from __future__ import annotations

import keras
from keras import ops

WHITENING_BIAS = "whitening_bias"
"""In the name of the variable of shared_layers' WhiteningConvolution that learns at first only."""


@keras.saving.register_keras_serializable(package="harness")
class NesterovByRank(keras.optimizers.Optimizer):
    """Nesterov's momentum with learning rates of their own for the kernels of convolutions, for matrices and for vectors.

    Weight decay passes through the momentum like the gradient; relative to their size, all variables shrink alike.

    Args:
        learning_rate: of convolutions.
        momentum: of convolutions.
        vector_rate: learning rate of biases and shifts, as a multiple of `learning_rate`.
        matrix_rate: of the kernels of fully connected layers, likewise.
        sgd_momentum: of vectors and matrices.
        decay: a step takes `learning_rate * decay` of a variable off, before the momentum's sum.
        whitening_steps: steps over which a whitening convolution's bias learns, at a rate that falls to zero.

    Source: the decoupled rates of Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.4, after
    tysam-code, hlb-CIFAR10, 2023.
    """

    def __init__(
        self,
        learning_rate=0.1,
        momentum: float = 0.85,
        vector_rate: float = 1.0,
        matrix_rate: float = 1.0,
        sgd_momentum: float = 0.85,
        decay: float = 0.0,
        whitening_steps: float = 1.0,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum, self.vector_rate, self.matrix_rate = momentum, vector_rate, matrix_rate
        self.sgd_momentum, self.decay, self.whitening_steps = sgd_momentum, decay, whitening_steps

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.momentums = [self.add_variable_from_reference(variable, name="momentum") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable as its rank asks for."""
        learning_rate, gradient = ops.cast(learning_rate, variable.dtype), ops.cast(gradient, variable.dtype)
        if len(variable.shape) == 4:
            self.update_convolution(gradient, variable, learning_rate)
            return
        if WHITENING_BIAS in variable.name:
            passed = ops.cast(self.iterations, variable.dtype) / self.whitening_steps
            learning_rate = learning_rate * ops.maximum(0.0, 1.0 - passed)
        rate = self.matrix_rate if len(variable.shape) == 2 else self.vector_rate
        self.step_along(gradient, variable, learning_rate, rate, self.sgd_momentum)

    def update_convolution(self, gradient, variable, learning_rate):
        """Updates a kernel [height, width, channels, filters]."""
        self.step_along(gradient, variable, learning_rate, 1.0, self.momentum)

    def step_along(self, gradient, variable, learning_rate, rate, momentum):
        """Takes one step of Nesterov's momentum at `learning_rate` times `rate`."""
        update = self.with_momentum(gradient + self.decay / rate * variable, variable, momentum)
        self.assign_sub(variable, learning_rate * rate * update)

    def with_momentum(self, gradient, variable, momentum):
        """Adds the gradient up over the steps and looks one step ahead."""
        total = self.momentums[self._get_variable_index(variable)]
        self.assign(total, momentum * total + gradient)
        return gradient + momentum * total

    def get_config(self):
        names = "momentum vector_rate matrix_rate sgd_momentum decay whitening_steps".split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="harness")
class ConvolutionMuon(NesterovByRank):
    """Muon for the kernels of convolutions, `NesterovByRank` for matrices and vectors.

    Before each step every kernel is scaled back to filters of norm one on average, so that the rate is relative; the update is
    the momentum with all its singular values brought near one. (keras.optimizers.Muon orthogonalises matrices only, and leaves
    convolutions to Adam.) A kernel must be followed by a normalisation, because its size is lost.

    Args:
        learning_rate: of convolutions: the norm of a step in units of the kernel's norm, where it has no fewer rows than filters.
        newton_schulz_steps: iterations towards equal singular values.

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; for convolutions as in
    airbench94_muon.py of github.com/KellerJordan/cifar10-airbench (MIT).
    """

    def __init__(self, learning_rate=0.24, momentum: float = 0.6, newton_schulz_steps: float = 3, **kwargs):
        super().__init__(learning_rate=learning_rate, momentum=momentum, **kwargs)
        self.newton_schulz_steps = newton_schulz_steps

    def update_convolution(self, gradient, variable, learning_rate):
        filters = variable.shape[-1]
        update = ops.reshape(self.with_momentum(gradient, variable, self.momentum), (-1, filters))
        update = ops.reshape(orthogonalized(update, int(self.newton_schulz_steps)), variable.shape)
        scale = filters**0.5 / ops.maximum(ops.sqrt(ops.sum(ops.square(variable))), 1e-12)
        self.assign(variable, variable * scale - learning_rate * update)

    def get_config(self):
        return {**super().get_config(), "newton_schulz_steps": self.newton_schulz_steps}


def orthogonalized(matrix, steps: int):
    """Returns a matrix with the same singular vectors whose singular values are near one (0.7 to 1.2 after five steps).

    Args:
        matrix: float [rows, columns].
        steps: iterations of the quintic polynomial; values far below the largest need more of them.

    Source: Jordan et al. 2024, a Newton-Schulz iteration whose coefficients have the steepest slope at zero.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else ops.transpose(matrix)
    x = x / (ops.norm(x) + 1e-7)
    for _ in range(steps):
        gram = ops.matmul(x, ops.transpose(x))
        x = 3.4445 * x + ops.matmul(-4.7750 * gram + 2.0315 * ops.matmul(gram, gram), x)
    return x if wide else ops.transpose(x)


OPTIMIZERS = {"convolution_muon": ConvolutionMuon, "nesterov_by_rank": NesterovByRank}
"""Ours, by the name that --training.optimizer takes."""
