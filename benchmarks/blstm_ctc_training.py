"""How fast two bidirectional LSTM layers train by CTC here and in PyTorch: the same network, batch and processor, in interleaved pairs.

    python benchmarks/blstm_ctc_training.py --torch-python OTHER/bin/python --output benchmarks/results/blstm_ctc_training.json

PyTorch is not among the suite's requirements: OTHER is an environment of its own with torch in it. Each framework is one process that
waits while the other one works; a pair is a few steps of one, then as many of the other, who begins changes from pair to pair.
With --threads 1 the ratio by processor time holds on a busy machine as well; the ratio by the wall's clock needs an idle one.
"""

from __future__ import annotations

from collections.abc import Callable

import pairs

BATCH, FRAMES, VALUES, LABELS, CLASSES = 32, 200, 256, 30, 29
"""Utterances, frames of each, values of a frame, labels of an utterance, symbols with the blank."""


def ours(width: int, threads: int) -> tuple[Callable[[], float], int, str]:
    """Returns a training step of the suite's layers, which returns the loss, how many weights it trains, and the versions."""
    pairs.import_ours(threads)
    import keras
    import numpy as np
    import tensorflow as tf

    from shared_layers.ctc.model import CTCModel
    from shared_layers.recurrent.bidirectional_lstm import BidirectionalLSTM

    sequences, lengths = keras.Input((None, VALUES)), keras.Input((), dtype="int32")
    x = sequences
    for _ in range(2):
        x = BidirectionalLSTM(width)(x, lengths)
    model = CTCModel([sequences, lengths], {"logits": keras.layers.Dense(CLASSES)(x), "frames": lengths})
    model.compile(keras.optimizers.AdamW(1e-3))
    generator = np.random.default_rng(0)
    values = tf.constant(generator.standard_normal((BATCH, FRAMES, VALUES)), tf.float32)
    labels = tf.constant(generator.integers(0, CLASSES - 1, (BATCH, LABELS)), tf.int32)
    return pairs.keras_step(model, [values, tf.fill([BATCH], FRAMES)], labels)


def theirs(width: int, threads: int) -> tuple[Callable[[], float], int, str]:
    """Returns a training step in PyTorch, which returns the loss, how many weights it trains, and the version."""
    import numpy as np
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    lstm = torch.nn.LSTM(VALUES, width, num_layers=2, bidirectional=True, batch_first=True)
    last = torch.nn.Linear(2 * width, CLASSES)
    optimizer = torch.optim.AdamW([*lstm.parameters(), *last.parameters()], 1e-3)
    criterion = torch.nn.CTCLoss(blank=CLASSES - 1)
    generator = np.random.default_rng(0)
    values = torch.tensor(generator.standard_normal((BATCH, FRAMES, VALUES)), dtype=torch.float32)
    labels = torch.tensor(generator.integers(0, CLASSES - 1, (BATCH, LABELS)))
    frames, counts = torch.full((BATCH,), FRAMES), torch.full((BATCH,), LABELS)

    def loss() -> torch.Tensor:
        logits = last(lstm(values)[0])
        return criterion(logits.log_softmax(-1).transpose(0, 1), labels, frames, counts)

    return pairs.torch_step(loss, optimizer)


def main() -> None:
    parser = pairs.parser(__doc__.splitlines()[0], steps=4)
    parser.add_argument("--widths", type=int, nargs="+", default=[128, 256], help="of each direction")
    options = parser.parse_args()
    if options.worker:
        pairs.work(*{"ours": ours, "torch": theirs}[options.worker](options.widths[0], options.threads))
        return
    found = []
    for width in options.widths:
        commands = pairs.commands(__file__, options, "--widths", str(width))
        found.append({"width": width, **pairs.measured(commands, BATCH, options.pairs, options.steps)})
    batch = {"utterances": BATCH, "frames": FRAMES, "values": VALUES, "labels": LABELS, "classes": CLASSES}
    document = {"batch": batch, "machine": pairs.machine(), "threads": options.threads, "widths": found}
    pairs.write(document, options.output)


if __name__ == "__main__":
    main()
