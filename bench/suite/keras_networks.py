"""The suite's networks in Keras: keras.applications' where it has them.

SqueezeNet and the CIFAR ResNet are not among them; they are built here as in
`backbones/squeezenet1_0.tl` and `backbones/resnet_cifar.tl`.
"""
import keras
from keras import layers, ops

SIDES = {"vgg16": 150, "mobilenet_025": 224, "mobilenet_100": 224, "squeezenet1_0": 224, "resnet20": 32}


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


def base(name):
    shape = (SIDES[name], SIDES[name], 3)
    if name == "vgg16":
        return keras.applications.VGG16(weights=None, include_top=False, input_shape=shape)
    if name.startswith("mobilenet"):
        return keras.applications.MobileNet(alpha=int(name[-3:]) / 100, weights=None, include_top=False,
                                            input_shape=shape)
    x = keras.Input(shape)
    return keras.Model(x, {"squeezenet1_0": squeezenet, "resnet20": resnet20}[name](x))


def features(name):
    x = base(name)
    return keras.Model(x.inputs, layers.GlobalAveragePooling2D()(x.output))
