"""The suite's networks in Keras: keras.applications' where it has them.

SqueezeNet, the CIFAR ResNet and ViT are not among them; they are built here as
in `backbones/squeezenet1_0.tl`, `backbones/resnet_cifar.tl` and
`backbones/vit_torch.tl`.
"""
import keras
from keras import layers, ops

from .jobs import SIDES

# The last layer below the tail that trains.
BELOW_TAIL = {"vgg16": "block4_pool", "resnet50": "conv4_block6_out", "vit_b16": "block_9"}
APPLICATIONS = {"vgg16": "VGG16", "resnet50": "ResNet50", "inception_v3": "InceptionV3"}


def squeezenet(x):
    def fire(x, squeeze, expand):
        x = layers.Conv2D(squeeze, 1, activation="relu")(x)
        return layers.Concatenate()([layers.Conv2D(expand, 1, activation="relu")(x),
                                     layers.Conv2D(expand, 3, padding="same", activation="relu")(x)])

    x = layers.Conv2D(96, 7, strides=2, activation="relu")(x)
    for group in (((16, 64), (16, 64), (32, 128)), ((32, 128), (48, 192), (48, 192), (64, 256)), ((64, 256),)):
        # torchvision rounds the pooled size up, which a row below gives here
        odd = (x.shape[1] - 3) % 2
        x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(((0, odd), (0, odd)))(x) if odd else x)
        for squeeze, expand in group:
            x = fire(x, squeeze, expand)
    return x


def resnet20(x):
    def conv(x, filters, stride):
        if stride == 2:
            x = layers.ZeroPadding2D(1)(x)
        x = layers.Conv2D(filters, 3, strides=stride, padding="valid" if stride == 2 else "same", use_bias=False)(x)
        return layers.BatchNormalization(epsilon=1e-5)(x)

    x = layers.ReLU()(conv(x, 16, 1))
    for filters in (16, 32, 64):
        for i in range(3):
            stride = 2 if filters != 16 and i == 0 else 1
            y = conv(layers.ReLU()(conv(x, filters, stride)), filters, 1)
            if stride == 2:
                x = ops.pad(x[:, ::2, ::2, :], ((0, 0), (0, 0), (0, 0), (filters // 4, filters // 4)))
            x = layers.ReLU()(layers.Add()([x, y]))
    return x


class ClassAndPlaces(layers.Layer):
    """A class token before the others, and an embedding of all places added."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), name="token")
        self.places = self.add_weight(shape=(1, shape[1] + 1, shape[-1]), name="places")

    def call(self, x):
        token = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, x.shape[-1]))
        return ops.concatenate([token, x], axis=1) + self.places


def vit_b16(x):
    x = layers.Reshape((196, 768))(layers.Conv2D(768, 16, strides=16)(x))
    x = ClassAndPlaces()(x)
    for i in range(12):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.MultiHeadAttention(12, 64)(y, y)])
        y = layers.Dense(3072, activation="gelu")(layers.LayerNormalization(epsilon=1e-6)(x))
        x = layers.Add(name=f"block_{i}")([x, layers.Dense(768)(y)])
    return layers.LayerNormalization(epsilon=1e-6)(x)[:, 0]


def base(name):
    shape = (SIDES[name], SIDES[name], 3)
    if name in APPLICATIONS:
        return getattr(keras.applications, APPLICATIONS[name])(weights=None, include_top=False, input_shape=shape)
    if name.startswith("mobilenet"):
        return keras.applications.MobileNet(alpha=int(name[-3:]) / 100, weights=None, include_top=False,
                                            input_shape=shape)
    x = keras.Input(shape)
    return keras.Model(x, {"squeezenet1_0": squeezenet, "resnet20": resnet20, "vit_b16": vit_b16}[name](x))


def kept(network, name, trained):
    """The layers that are frozen."""
    if trained != "tail":
        return network.layers if trained == "none" else []
    names = [layer.name for layer in network.layers]
    return network.layers[:names.index(BELOW_TAIL[name]) + 1]


def pooled(x):
    """A transformer's base ends in one token: there is nothing to pool."""
    return layers.GlobalAveragePooling2D()(x) if len(x.shape) == 4 else x


def features(name):
    x = base(name)
    return keras.Model(x.inputs, pooled(x.output))
