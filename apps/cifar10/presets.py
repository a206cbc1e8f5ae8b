"""The named configurations of the cifar10 app. Free of TensorFlow."""

from dataclasses import replace

from apps.cifar10.config import (
    MLP,
    VGG,
    AlexNet,
    AutoencoderClassifier,
    Config,
    DataConfig,
    DenseNet,
    InceptionNetwork,
    MobileNet,
    ResidualNetwork,
    SpeedrunNetwork,
    Transfer,
    Xception,
)
from harness.settings import Preset, TrainingConfig

_cifar10_training = TrainingConfig(
    epochs=14, batch_size=512, optimizer="sgd", optimizer_options={"momentum": 0.9, "nesterov": 1},
    learning_rate=1.0, schedule="linear", warmup_fraction=0.25, weight_decay=0.005,
    monitor="val_accuracy", monitor_mode="max", keep="last",
)  # fmt: skip

_vgg_training = TrainingConfig(
    epochs=10, batch_size=1000, optimizer="convolution_muon",
    optimizer_options={"momentum": 0.6, "sgd_momentum": 0.85, "vector_rate": 221.0, "matrix_rate": 0.0426, "decay": 0.0083},
    learning_rate=0.24, schedule="linear", monitor="val_accuracy", monitor_mode="max", keep="last",
)  # fmt: skip
_adamw_training = TrainingConfig(
    epochs=12, batch_size=256, optimizer="adamw", learning_rate=4e-3, schedule="linear", warmup_fraction=0.2,
    weight_decay=0.05, monitor="val_accuracy", monitor_mode="max", keep="last",
)  # fmt: skip
_code_training = TrainingConfig(
    epochs=10, batch_size=256, learning_rate=2e-3, warmup_fraction=0.1, weight_decay=0.05, monitor="val_accuracy",
    monitor_mode="max", keep="last",
)  # fmt: skip
_few_labels_training = replace(_code_training, steps_per_epoch=185, learning_rate=1e-3)
_speedrun_data = DataConfig(validation_fraction=0.0, alternating_flip=True)
_speedrun_muon = {
    "momentum": 0.6, "sgd_momentum": 0.85, "vector_rate": 442.0, "matrix_rate": 0.0852, "decay": 0.0167, "whitening_steps": 150,
}  # fmt: skip

PRESETS = {
    "demo": Preset(
        Config(
            data=DataConfig(source="demo", validation_fraction=0.1),
            model=ResidualNetwork(widths=(16, 32, 64), activation="relu", label_smoothing=0.05),
            training=TrainingConfig(
                epochs=6,
                batch_size=64,
                optimizer="sgd",
                optimizer_options={"momentum": 0.9, "nesterov": 1},
                learning_rate=0.4,
                schedule="linear",
                warmup_fraction=0.2,
                weight_decay=0.005,
                monitor="val_accuracy",
                monitor_mode="max",
            ),
        ),
        catalogue="C4",
        title="Residual network, basic blocks",
    ),
    "residual-cifar10": Preset(
        Config(
            data=DataConfig(alternating_flip=True),
            model=ResidualNetwork(average_shifts=True),
            training=_cifar10_training,
        ),
        catalogue="C4",
        title="Residual network, basic blocks",
        literature="8.75 % error, ResNet-20, 164 epochs (He et al. 2016)",
    ),
    "residual-bottleneck-cifar10": Preset(
        Config(model=ResidualNetwork(block="bottleneck", widths=(64, 128, 256), blocks=2), training=_cifar10_training),
        catalogue="C4",
        title="Residual network, 1x1-3x3-1x1 bottleneck blocks",
        literature="6.43 % error, ResNet-110 (He et al. 2016)",
    ),
    # 8 epochs published: 94.01 % (200 runs). Nothing is chosen by validation: all 50,000 pictures train.
    "speedrun-cifar10": Preset(
        Config(
            data=_speedrun_data,
            model=SpeedrunNetwork(),
            training=TrainingConfig(
                epochs=17, batch_size=2000, optimizer="convolution_muon",
                optimizer_options=_speedrun_muon, learning_rate=0.24, schedule="linear", monitor="loss", keep="last",
            ),
        ),
        catalogue="C8",
        title="Speed-run network: whitening, partial identities, Muon",
        literature="94.01 % accuracy, airbench94_muon, 8 epochs (Jordan et al. 2024)",
    ),
    # 9.9 epochs published, with Lookahead instead of the moving average: 94.01 % (1,000 runs)
    "speedrun-nesterov-cifar10": Preset(
        Config(
            data=_speedrun_data,
            model=SpeedrunNetwork(),
            training=TrainingConfig(
                epochs=10, batch_size=1024, optimizer="nesterov_by_rank",
                optimizer_options={
                    "momentum": 0.85, "sgd_momentum": 0.85, "vector_rate": 64.0, "matrix_rate": 0.0123,
                    "decay": 0.00133, "whitening_steps": 144,
                },
                learning_rate=1.5, schedule="linear", warmup_fraction=0.23, final_learning_rate=0.105,
                ema_momentum=0.95, monitor="loss", keep="last",
            ),
        ),
        catalogue="C8",
        title="Speed-run network: whitening, partial identities, Nesterov SGD and moving average",
        literature="94.01 % accuracy, airbench94, 9.9 epochs (Jordan 2024)",
    ),
    # For a GPU, after airbench96's size and variations; no kept command has measured it yet.
    "speedrun-gpu-cifar10": Preset(
        Config(
            data=DataConfig(validation_fraction=0.0, alternating_flip=True, shift=4, cutout=12),
            model=SpeedrunNetwork(widths=(128, 512, 512), convolutions=3),
            training=TrainingConfig(
                epochs=40, batch_size=2000, optimizer="convolution_muon",
                optimizer_options=_speedrun_muon, learning_rate=0.24, schedule="linear", precision="mixed_bfloat16", monitor="loss", keep="last",
            ),
        ),
        catalogue="C8",
        title="Speed-run network for a GPU, three convolutions a group",
        literature="96.05 % accuracy, airbench96 (Jordan 2024)",
    ),
    "alexnet-cifar10": Preset(
        Config(
            model=AlexNet(),
            training=TrainingConfig(
                epochs=9, batch_size=128, learning_rate=1e-3, weight_decay=0.01, warmup_fraction=0.1,
                monitor="val_accuracy", monitor_mode="max", keep="last",
            ),
        ),
        catalogue="C1",
        title="AlexNet-style, local response normalisation",
        literature="11 % error, cuda-convnet with local response normalisation (Krizhevsky et al. 2012)",
    ),
    "vgg-cifar10": Preset(
        Config(data=DataConfig(alternating_flip=True), model=VGG(average_shifts=True), training=_vgg_training),
        catalogue="C2",
        title="VGG-style, batch normalisation",
    ),
    "inception-cifar10": Preset(
        Config(model=InceptionNetwork(), training=_adamw_training),
        catalogue="C3",
        title="Inception modules",
    ),
    "densenet-cifar10": Preset(
        Config(model=DenseNet(), training=_adamw_training),
        catalogue="C5",
        title="Dense blocks (DenseNet-BC)",
        literature="4.51 % error, DenseNet-BC-100 (k = 12), 300 epochs (Huang et al. 2017)",
    ),
    "mobilenet-cifar10": Preset(
        Config(model=MobileNet(), training=_adamw_training),
        catalogue="C6",
        title="MobileNet-style, depthwise separable",
    ),
    "xception-cifar10": Preset(
        Config(model=Xception(), training=_adamw_training),
        catalogue="C6",
        title="Xception-style, residual groups of separable convolutions",
    ),
    "mlp-cifar10": Preset(
        Config(
            data=DataConfig(shift=0),
            model=MLP(),
            training=TrainingConfig(
                epochs=20, batch_size=256, learning_rate=1e-3, weight_decay=0.1, warmup_fraction=0.1,
                monitor="val_accuracy", monitor_mode="max", keep="last",
            ),
        ),
        catalogue="C9",
        title="Multi-layer perceptron, 3 x 1,000 rectifiers",
        literature="50.86 % error without pre-training (Glorot et al. 2011)",
    ),
    # For a person's own pictures, with --data FOLDER, at about their own size; --model.network RUN takes a network of this app in place
    # of MobileNetV2. Few pictures fill a batch, and the steps are as many for few as for many: 3 passes over 91 pictures would be 6.
    "transfer-cifar10": Preset(
        Config(
            data=DataConfig(size=0),
            model=Transfer(),
            training=TrainingConfig(
                epochs=5, steps_per_epoch=100, batch_size=32, learning_rate=3e-3, schedule="linear", monitor="val_accuracy",
                monitor_mode="max", keep="last",
            ),
        ),
        catalogue="C-transfer",
        title="New classifier on frozen MobileNetV2 (ImageNet)",
    ),
    # With the encoder trained first, without labels; "end-to-end": the same network, all of it from the start.
    "autoencoder-classifier-cifar10": Preset(
        Config(model=AutoencoderClassifier(), training=_code_training),
        catalogue="C10",
        title="Perceptron on an autoencoder's code, fine-tuned",
    ),
    "autoencoder-classifier-end-to-end-cifar10": Preset(
        Config(model=AutoencoderClassifier(pretrained=False), training=_code_training),
        catalogue="C10",
        title="Encoder and perceptron trained end to end",
    ),
    "autoencoder-classifier-1000-cifar10": Preset(
        Config(data=DataConfig(labelled=1000), model=AutoencoderClassifier(), training=_few_labels_training),
        catalogue="C10",
        title="Perceptron on an autoencoder's code, fine-tuned, 1,000 labels",
    ),
    "autoencoder-classifier-end-to-end-1000-cifar10": Preset(
        Config(data=DataConfig(labelled=1000), model=AutoencoderClassifier(pretrained=False), training=_few_labels_training),
        catalogue="C10",
        title="Encoder and perceptron trained end to end, 1,000 labels",
    ),
}  # fmt: skip
DEFAULT = "residual-cifar10"
