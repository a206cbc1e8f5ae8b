"""Settings of the cifar10 app. Free of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.settings import LATER, TrainingConfig


@dataclass(frozen=True)
class DataConfig:
    """Pictures and how they are split and varied."""

    source: str = "cifar10"
    """"cifar10", "demo" (synthetic textured shapes), a folder with one subfolder of pictures a class, or a CSV file (path, label)."""
    size: int = 32
    """Side of the network's pictures in pixels; a person's pictures are cropped to a square and resized to it. 0: their own,
    the median of the shorter sides in steps of 8, 32 to 128."""
    seed: int = 0
    """Of the split into training and validation examples."""
    validation_fraction: float = 0.05
    """Share of the training examples, of every class alike, that chooses settings and the best epoch."""
    limit: int | None = None
    """Train on at most so many examples."""
    labelled: int | None = field(default=None, metadata=LATER)
    """Learn the labels of at most so many training pictures; the others only pre-train an autoencoder. None: all."""
    classes: tuple[str, ...] = field(default=(), metadata=LATER)
    """Keep these classes only, of CIFAR-10 or the demo, in this order; none given: all."""
    class_weight: Literal["none", "balanced"] = "none"
    """Weigh classes by the inverse of their frequency in the loss."""
    flip: bool = True
    """Mirror pictures left to right at random in training."""
    shift: int = 2
    """Largest random shift in training, pixels; the edge is filled by reflection."""
    cutout: int = 0
    """Side of a random square set to the mean colour in training, pixels; 0: none."""
    alternating_flip: bool = field(default=False, metadata=LATER)
    """Mirror half of the pictures in the first pass, the other half in the second, and so on, instead of at random."""
    mixup: float = field(default=0.0, metadata=LATER)
    """Blend every picture and its label with another's in training, by a share from the beta distribution of this parameter; 0: not."""
    cutmix: float = field(default=0.0, metadata=LATER)
    """Paste a rectangle of another picture into every picture in training and share the label by its area, which is drawn from the
    beta distribution of this parameter; 0: not."""
    rand_augment: int = field(default=0, metadata=LATER)
    """Random operations on every picture in training, out of fourteen (RandAugment): turning, contrast, colours ...; 0: none."""
    rand_augment_magnitude: float = field(default=5.0, metadata=LATER)
    """How strong they are, 0 to 10."""


@dataclass(frozen=True)
class Classifier:
    """What every network of the app has."""

    label_smoothing: float = 0.0
    """Share of the target probability spread evenly over all classes."""
    average_flips: bool = True
    """Answer with the mean probabilities of a picture and its mirror image."""
    average_shifts: bool = field(default=False, metadata=LATER)
    """Give half of the answer's weight to the picture moved by a pixel, up to the left and down to the right."""

    @property
    def smallest(self) -> int:
        """Side in pixels of the smallest picture that is not halved to nothing."""
        return 1


@dataclass(frozen=True)
class ResidualNetwork(Classifier):
    """Residual network: groups of a convolution with 2x2 max-pooling and residual blocks with identity shortcuts."""

    block: Literal["basic", "bottleneck"] = "basic"
    """"basic": two 3x3 convolutions; "bottleneck": 1x1, 3x3 and 1x1."""
    widths: tuple[int, ...] = (64, 128, 256)
    """Channels of each group; each group halves height and width."""
    blocks: int = 1
    """Residual blocks in each group."""
    activation: str = "gelu"
    """Activation, by Keras' name."""
    momentum: float = 0.8
    """Of the batch normalisations' moving statistics."""
    label_smoothing: float = 0.2
    """Share of the target probability spread evenly over all classes."""

    @property
    def smallest(self) -> int:
        return 2 ** len(self.widths)


@dataclass(frozen=True)
class SpeedrunNetwork(Classifier):
    """Whitening 2x2 convolution, then groups of 3x3 convolutions that start as partial identities (Jordan 2024)."""

    widths: tuple[int, ...] = (64, 256, 256)
    """Channels of each group; each group halves height and width."""
    convolutions: int = field(default=2, metadata=LATER)
    """In each group; from three on, the first one's output is added to the last one's."""
    momentum: float = 0.6
    """Of the batch normalisations' moving statistics."""
    label_smoothing: float = 0.2
    """Share of the target probability spread evenly over all classes."""
    average_shifts: bool = field(default=True, metadata=LATER)
    """Give half of the answer's weight to the picture moved by a pixel, up to the left and down to the right."""

    @property
    def smallest(self) -> int:
        return 2 ** len(self.widths) + 1


@dataclass(frozen=True)
class AlexNet(Classifier):
    """Five convolutions, local response normalisation after the first two, three fully connected layers (Krizhevsky et al. 2012)."""

    widths: tuple[int, int, int, int, int] = (48, 96, 192, 128, 128)
    """Channels of the convolutions."""
    units: int = 512
    """Of the two hidden fully connected layers."""
    dropout: float = 0.5
    """Share of the inputs of the fully connected hidden layers left out in training."""

    @property
    def smallest(self) -> int:
        return 15


@dataclass(frozen=True)
class VGG(Classifier):
    """Stacks of 3x3 convolutions with batch normalisation, 2x2 max-pooling between them (Simonyan and Zisserman 2015)."""

    widths: tuple[int, ...] = (48, 96, 192)
    """Channels of each stack."""
    convolutions: int = 2
    """In each stack."""
    activation: str = "gelu"
    """By Keras' name."""
    label_smoothing: float = 0.2
    """Share of the target probability spread evenly over all classes."""

    @property
    def smallest(self) -> int:
        return 2 ** len(self.widths)


@dataclass(frozen=True)
class InceptionNetwork(Classifier):
    """A 3x3 convolution, then groups of Inception modules with max-pooling before each group (Szegedy et al. 2015)."""

    stem: int = 64
    """Channels of the first convolution."""
    widths: tuple[int, ...] = (128, 256, 384)
    """Channels of each group's modules, shared among the branches as 1/4, 1/2, 1/8 and 1/8."""
    modules: int = 2
    """In each group."""
    label_smoothing: float = 0.1
    """Share of the target probability spread evenly over all classes."""

    @property
    def smallest(self) -> int:
        return 2 ** len(self.widths)


@dataclass(frozen=True)
class DenseNet(Classifier):
    """Dense blocks with 1x1 convolutions and 2x2 average pooling between them (Huang et al. 2017)."""

    layers: int = 6
    """3x3 convolutions in each of the three blocks."""
    growth_rate: int = 16
    """Channels that each convolution adds."""
    bottleneck: bool = True
    """Put a 1x1 convolution before each (DenseNet-B)."""
    compression: float = 0.5
    """Share of the channels that stays between blocks (DenseNet-C)."""
    label_smoothing: float = 0.1
    """Share of the target probability spread evenly over all classes."""

    @property
    def smallest(self) -> int:
        return 8


@dataclass(frozen=True)
class MobileNet(Classifier):
    """A 3x3 convolution, then depthwise separable ones (Howard et al. 2017)."""

    stem: int = 32
    """Channels of the first convolution."""
    widths: tuple[int, ...] = (64, 128, 128, 256, 256, 512, 512)
    """Channels of the separable convolutions; where they grow, height and width are halved, but for the first."""
    label_smoothing: float = 0.1
    """Share of the target probability spread evenly over all classes."""


@dataclass(frozen=True)
class Xception(Classifier):
    """Residual groups of two separable convolutions without activation inside, max-pooled (Chollet 2017)."""

    stem: int = 32
    """Channels of the first convolution."""
    widths: tuple[int, ...] = (64, 128, 256)
    """Channels of the groups; each halves height and width, with a strided 1x1 convolution as shortcut."""
    label_smoothing: float = 0.1
    """Share of the target probability spread evenly over all classes."""


@dataclass(frozen=True)
class MLP(Classifier):
    """Fully connected hidden layers of rectifiers on the pixels (Glorot, Bordes and Bengio 2011)."""

    layers: int = 3
    """Hidden layers."""
    units: int = 1000
    """Units of each hidden layer."""
    dropout: float = 0.0
    """Share of a hidden layer's outputs left out in training."""


@dataclass(frozen=True)
class Transfer(Classifier):
    """A classifier on the features of a network that was trained on other pictures."""

    network: str | None = None
    """Run folder or .keras file of any trained network of this app; None: MobileNetV2, trained on ImageNet."""
    frozen: bool = True
    """Train the classifier alone; otherwise all layers go on learning."""
    encoder_weights: str = "imagenet"
    """Of MobileNetV2: `imagenet` (published weights, downloaded by keras.applications) or an .h5 file, also below the data folder."""
    encoder_alpha: float = 0.35
    """Width multiplier of MobileNetV2 that the weights belong to."""
    encoder_size: int = 96
    """Side in pixels that pictures are enlarged to for MobileNetV2."""


@dataclass(frozen=True)
class AutoencoderClassifier(Classifier):
    """A perceptron on the code of a convolutional autoencoder, whose decoder is cut off."""

    widths: tuple[int, ...] = (32, 64, 128)
    """Channels of the encoder's convolutions, each of which halves height and width, and backwards of the decoder's."""
    code: int = 256
    """Values of the code."""
    units: int = 256
    """Of the perceptron's hidden layer."""
    dropout: float = 0.3
    """Share of the hidden layer's outputs left out in training."""
    pretrained: bool = True
    """Train the autoencoder first, then the perceptron on the frozen code, then all; otherwise all from the start."""
    autoencoder_epochs: int = 8
    """Keras epochs of the autoencoder, which sees all training pictures."""
    frozen_epochs: int = 3
    """Keras epochs of the perceptron alone."""

    @property
    def smallest(self) -> int:
        return 2 ** len(self.widths)


Model = (
    ResidualNetwork
    | SpeedrunNetwork
    | AlexNet
    | VGG
    | InceptionNetwork
    | DenseNet
    | MobileNet
    | Xception
    | MLP
    | Transfer
    | AutoencoderClassifier
)


@dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: Model = field(default_factory=ResidualNetwork)
    training: TrainingConfig = field(default_factory=TrainingConfig)
