"""Residual network of picture features for contrastive learning, without any label.

The network and its projector as in SimCLR, Chen et al. 2020, "A Simple Framework for Contrastive
Learning of Visual Representations", arXiv 2002.05709: features are what stands before the
projector. Residual blocks as in He et al. 2016, arXiv 1512.03385, of a size that one core trains.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from synvae_core.fields import Size

FIRST_SIDE = 16  # of the first maps: most of the time goes where maps are large
MIDDLE, SPREAD = 0.5, 0.25  # of pixels


@dataclass(frozen=True)
class ContrastiveConfig:
    """Sizes of a residual network of picture features and of its projector."""

    image_size: Size = 32  # side that pictures are resampled to
    widths: tuple[Size, ...] = (32, 64, 128, 256)  # channels of each stage, at half the side before
    hidden: Size = 256  # of the projector
    projection: Size = 64  # dimensions in which views are compared

    def __post_init__(self) -> None:
        # JSON has no tuples; the configuration must compare equal after a round trip.
        object.__setattr__(self, "widths", tuple(self.widths))
        if self.image_size < FIRST_SIDE or not self.widths:
            raise ValueError(
                f"expected pictures of {FIRST_SIDE} pixels or more and a stage or more, got "
                f"{self.image_size} pixels and widths {self.widths}"
            )

    @property
    def stride(self) -> int:
        """Stride of the first convolution, in pixels: 2 at 32 pixels, 4 at 64."""
        return round(self.image_size / FIRST_SIDE)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a short cut; with stride 2 the side is halved, rounded up."""

    def __init__(self, before: int, width: int, *, stride: int):
        super().__init__()
        self.first = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        self.pool = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
        self.short = nn.Conv2d(before, width, 1, bias=False)
        self.short_norm = nn.BatchNorm2d(width)

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b width h2 w2"]:
        x = F.relu(self.first_norm(self.first(maps)))
        x = self.second_norm(self.second(x))
        return F.relu(x + self.short_norm(self.short(self.pool(maps))))


class ResidualFeatures(nn.Module):
    """Residual network: pictures in [0, 1] -> means over all places of the last maps.

    Attributes:
        count: number of features.
    """

    def __init__(self, config: ContrastiveConfig):
        super().__init__()
        self.side = config.image_size
        stride, (first, *_) = config.stride, config.widths
        self.stem = nn.Conv2d(3, first, 2 * stride, stride, stride // 2, bias=False)
        self.stem_norm = nn.BatchNorm2d(first)
        sizes = (first, *config.widths)
        self.blocks = nn.ModuleList(
            ResidualBlock(before, width, stride=2 if place else 1)
            for place, (before, width) in enumerate(zip(sizes[:-1], sizes[1:], strict=True))
        )
        self.count = config.widths[-1]

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b features"]:
        """Features of pictures of any size, resampled to `side`, grey or in colour."""
        size = (self.side, self.side)
        if images.shape[-2:] != size:
            images = F.interpolate(images, size=size, mode="bilinear", antialias=True)
        return self.of_views(images)

    def of_views(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b features"]:
        """Features of pictures at the size that they have."""
        x = (images.expand(-1, 3, -1, -1) - MIDDLE) / SPREAD
        x = x.contiguous(memory_format=torch.channels_last)  # up to twice as fast on a CPU
        x = F.relu(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        return x.mean((2, 3))


class ContrastiveModel(nn.Module):
    """Network of features with its projector: views in [0, 1] -> projections.

    Views are compared by projections, and pictures by `network`, the features before: what tells
    views apart, such as colour, is lost on the way to a projection. Views may be smaller than
    pictures, and are not resampled: things in crops are enlarged, and a network that learnt from
    smaller views sees them in pictures at the size that it knows (Touvron et al. 2019, "Fixing the
    Train-Test Resolution Discrepancy", arXiv 1906.06423).
    """

    def __init__(self, config: ContrastiveConfig):
        super().__init__()
        self.config = config
        self.network = ResidualFeatures(config)
        self.projector = nn.Sequential(
            nn.Linear(self.network.count, config.hidden, bias=False),
            nn.BatchNorm1d(config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.projection),
        )

    def forward(self, views: Float[Tensor, "b c h w"]) -> Float[Tensor, "b projection"]:
        return self.projector(self.network.of_views(views))


def frozen(network: ResidualFeatures) -> ResidualFeatures:
    """The network without gradients to its weights, batch normalisation folded into convolutions.

    It is changed in place, and is then the same in training and in evaluation.
    """
    blocks = [(block, name) for block in network.blocks for name in ("first", "second", "short")]
    for module, name in [(network, "stem"), *blocks]:
        norm = getattr(module, f"{name}_norm").eval()
        setattr(module, name, fuse_conv_bn_eval(getattr(module, name).eval(), norm))
        setattr(module, f"{name}_norm", nn.Identity())
    return network.eval().requires_grad_(False)
