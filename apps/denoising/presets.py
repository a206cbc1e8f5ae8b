"""The named configurations of the denoising app. Free of TensorFlow."""

from apps.denoising.config import Config, ConvolutionalAutoencoder, DataConfig
from harness.settings import Preset, TrainingConfig

_cifar10_training = TrainingConfig(
    epochs=3, batch_size=32, optimizer="adamw", learning_rate=2e-3, weight_decay=1e-4, warmup_fraction=0.05,
    monitor="val_psnr_db", monitor_mode="max", ema_momentum=0.998,
)  # fmt: skip

PRESETS = {
    "demo": Preset(
        Config(
            data=DataConfig(source="demo", sigma=50),
            model=ConvolutionalAutoencoder(widths=(16, 32)),
            training=TrainingConfig(
                epochs=15, batch_size=32, learning_rate=3e-3, monitor="val_psnr_db", monitor_mode="max"
            ),
        ),
        catalogue="A2",
        title="Convolutional autoencoder with skip connections",
    ),
    "convolutional-cifar10": Preset(
        Config(training=_cifar10_training),
        catalogue="A2",
        title="Convolutional autoencoder with skip connections",
        literature="28.05 dB, colour BM3D (Dabov et al. 2007) on the same pictures",
    ),
    "convolutional-plain-cifar10": Preset(
        Config(model=ConvolutionalAutoencoder(skip_connections=False), training=_cifar10_training),
        catalogue="A2",
        title="Convolutional autoencoder without skip connections",
    ),
}
DEFAULT = "convolutional-cifar10"
