"""The named configurations of the digits app. Free of TensorFlow."""

from dataclasses import replace

from apps.digits.config import (
    MLP,
    Config,
    ConvNet,
    DataConfig,
    ElasticDataConfig,
    LectureCNN,
    LeNet5,
    Linear,
    MaxoutMLP,
    Siamese,
)
from harness.settings import Preset, TrainingConfig

_mnist_training = TrainingConfig(
    epochs=40, batch_size=128, optimizer="adamw", learning_rate=2e-3, weight_decay=0.02, warmup_fraction=0.05,
    monitor="val_accuracy", monitor_mode="max", ema_momentum=0.995,
)  # fmt: skip

_mlp_training = replace(_mnist_training, epochs=40, batch_size=512)
_convnet_data = ElasticDataConfig(
    validation_fraction=0.05, shift=2, rotation=8, scale=0.12, elastic=0.7, smoothness=4.0, plain_share=0.3
)  # fmt: skip
_convnet_training = replace(
    _mnist_training, epochs=24, batch_size=256, learning_rate=4e-3, ema_momentum=0.998, keep="last", validate_every=2
)

PRESETS = {
    "demo": Preset(
        Config(
            data=DataConfig(source="demo", shift=1.5, rotation=8),
            training=TrainingConfig(
                epochs=30, batch_size=64, learning_rate=3e-3, monitor="val_accuracy", monitor_mode="max"
            ),
        ),
        catalogue="D1",
        title="LeNet-5, max-pool form",
    ),
    "lenet5-mnist": Preset(
        Config(data=DataConfig(shift=2, rotation=10, scale=0.1), training=_mnist_training),
        catalogue="D1",
        title="LeNet-5, max-pool form, with distortions",
        literature="0.80 % error with distortions (LeCun et al. 1998)",
    ),
    "lenet5-paper-mnist": Preset(
        Config(data=DataConfig(), model=LeNet5(form="paper"), training=_mnist_training),
        catalogue="D1",
        title="LeNet-5, trainable sub-sampling as in the paper",
        literature="0.95 % error (LeCun et al. 1998)",
    ),
    "linear-mnist": Preset(
        Config(model=Linear(), training=replace(_mnist_training, epochs=20)),
        catalogue="D0",
        title="Linear classifier of the pixels",
        literature="8.4 to 12 % error; 3-NN 5.0 (2.4 deslanted), RBF SVM 1.4 % (LeCun et al. 1998)",
    ),
    "lecture-cnn-mnist": Preset(
        Config(model=LectureCNN(), training=replace(_mnist_training, epochs=15)),
        catalogue="D2",
        title="The lectures' convolutional network",
    ),
    "mlp-relu-mnist": Preset(
        Config(model=MLP(dropout=0.3, input_dropout=0.2), training=_mlp_training),
        catalogue="D3",
        title="MLP, 4 hidden layers of 1000, ReLU, dropout",
        literature="1.43 % error, rectifier without pre-training (Glorot et al. 2011)",
    ),
    "mlp-tanh-mnist": Preset(
        Config(model=MLP(activation="tanh"), training=_mlp_training),
        catalogue="D3",
        title="MLP, 4 hidden layers of 1000, tanh",
        literature="1.57 % error without pre-training (Glorot et al. 2011)",
    ),
    "mlp-softplus-mnist": Preset(
        Config(model=MLP(activation="softplus"), training=_mlp_training),
        catalogue="D3",
        title="MLP, 4 hidden layers of 1000, softplus",
        literature="1.77 % error without pre-training (Glorot et al. 2011)",
    ),
    "maxout-paper-mnist": Preset(
        Config(
            data=DataConfig(validation_fraction=0.05),
            model=MaxoutMLP(),
            training=TrainingConfig(
                epochs=100,
                batch_size=100,
                optimizer="sgd",
                optimizer_options={"momentum": 0.7, "nesterov": 1},
                learning_rate=0.1,
                monitor="val_accuracy",
                monitor_mode="max",
                keep="last",
                ema_momentum=0.999,
            ),
        ),
        catalogue="D4",
        title="Maxout MLP, dropout and bounded weights as in the paper",
        literature="0.94 % error (Goodfellow et al. 2013)",
    ),
    "maxout-mnist": Preset(
        Config(
            data=DataConfig(validation_fraction=0.05),
            model=MaxoutMLP(
                layers=3, units=480, pieces=2, dropout=0.0, input_dropout=0.0, batch_normalization=True, noise=0.4
            ),
            training=replace(
                _mnist_training,
                epochs=100,
                batch_size=250,
                warmup_fraction=0.0,
                weight_decay=0.0,
                ema_momentum=None,
                keep="last",
                validate_every=5,
            ),
        ),
        catalogue="D4",
        title="Maxout MLP, batch normalisation and noise",
        literature="0.94 % error, with dropout and bounded weights (Goodfellow et al. 2013)",
    ),
    "convnet-mnist": Preset(
        Config(
            data=_convnet_data,
            model=ConvNet(widths=(16, 32, 64), convolutions=3, pool_after=2, average_shifts=True),
            training=replace(_convnet_training, epochs=30),
        ),
        catalogue="D6",
        title="The suite's convolutional network, shifted, turned, scaled and bent pictures",
    ),
    "convnet-small-mnist": Preset(
        Config(
            data=_convnet_data,
            model=ConvNet(widths=(8, 12, 20), pool_after=2, average_shifts=True),
            training=replace(_convnet_training, epochs=60, learning_rate=1e-2, weight_decay=0.005),
        ),
        catalogue="D6",
        title="The suite's convolutional network with less than 10,000 weights",
    ),
    "siamese-mnist": Preset(
        Config(
            data=DataConfig(shift=2, rotation=10, scale=0.1),
            model=Siamese(),
            training=replace(_mnist_training, epochs=20, learning_rate=3e-3, monitor="val_loss", monitor_mode="min"),
        ),
        catalogue="D8",
        title="Siamese network, contrastive loss: pairs of the same digit or not; 7, 8 and 9 left out of training",
    ),
}
DEFAULT = "lenet5-mnist"
