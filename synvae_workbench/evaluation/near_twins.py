"""Pictures that are almost the same: moved by a pixel, turned a little, with a little noise."""

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

DEGREES = 5.0  # of a turned twin
NOISE = 0.05  # standard deviation of a noisy twin, of the full scale

Pictures = UInt8[Tensor, "n c h w"]


def near_twins(images: Pictures, *, seed: int = 0) -> dict[str, Pictures]:
    """The pictures moved one pixel to the right, turned by five degrees, and made noisy.

    What a move or a turn brings in from outside repeats the edge.

    Args:
        seed: of the noise.
    """
    moved = torch.cat([images[..., :1], images[..., :-1]], -1)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    noisy = (images + 255 * NOISE * noise).round().clamp(0, 255).to(torch.uint8)
    return {"moved": moved, "turned": _turned(images), "noisy": noisy}


def _turned(images: Pictures) -> Pictures:
    angle = torch.deg2rad(torch.tensor(DEGREES))
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack([torch.stack([cos, -sin, 0 * cos]), torch.stack([sin, cos, 0 * cos])])
    grid = F.affine_grid(rows.expand(len(images), 2, 3), list(images.shape), align_corners=False)
    turned = F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return turned.round().clamp(0, 255).to(torch.uint8)
