"""P4: dilated convolutions over time, and CTC; the feed-forward baseline.

Waibel et al., "Phoneme recognition using time-delay neural networks", 1989; Peddinti, Povey and Khudanpur, "A time delay neural
network architecture for efficient modeling of long temporal contexts", Interspeech 2015.
"""

from __future__ import annotations

import math

import keras

from apps.speech.config import FeaturesConfig, Tdnn
from apps.speech.models import front_end
from datasets.errors import DataError
from shared_layers.convolution.frame_convolution import FrameConvolution
from shared_layers.ctc.model import CTCModel
from shared_layers.masking.frame_batch_normalization import FrameBatchNormalization


def stride(model: Tdnn) -> int:
    """Returns the number of feature frames to a logit frame."""
    return math.prod(model.strides)


def build(model: Tdnn, features: FeaturesConfig, classes: int) -> CTCModel:
    """Returns {"waveforms": float32 [n, samples], "lengths": int32 [n]} -> {"logits": float32 [n, frames, classes], "frames": int32 [n]}.

    Raises:
        DataError: settings that do not give one number a convolution, or a convolution both dilated and strided.
    """
    columns = (model.filters, model.kernel_frames, model.strides, model.dilations)
    if len({len(values) for values in columns}) > 1:
        raise DataError(
            "--model.filters, --model.kernel-frames, --model.strides and --model.dilations: expected as many numbers for each, "
            "one a convolution"
        )
    inputs, x, count, outputs = front_end.build(features)
    x = keras.layers.Reshape((-1, 1, x.shape[-1]), name="values_as_channels")(x)
    for number, (filters, frames, step, dilation) in enumerate(zip(*columns, strict=True), start=1):
        if frames % 2 == 0 or (step > 1 and dilation > 1):
            raise DataError(
                f"convolution {number} of {frames} frames, stride {step}, dilation {dilation}: expected an odd number of frames, "
                "and one of stride and dilation 1"
            )
        if number > 1:
            x = keras.layers.Dropout(model.dropout, name=f"dropout_{number}")(x)
        x, count = FrameConvolution(
            filters, (frames, 1), (step, 1), "linear", dilation=dilation, name=f"convolution_{number}"
        )(x, count)  # fmt: skip
        x = FrameBatchNormalization(name=f"normalization_{number}")(x, count)
        x = keras.layers.ReLU(name=f"relu_{number}")(x)
    x = keras.layers.Reshape((-1, x.shape[-1]), name="frames")(x)
    # the CTC loss and its decoders take float32 only
    outputs |= {"logits": keras.layers.Dense(classes, dtype="float32", name="logits")(x), "frames": count}
    return CTCModel(inputs=inputs, outputs=outputs, name="tdnn")
