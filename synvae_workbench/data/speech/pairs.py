"""Random pairing of pictures with recordings of the same label.

Żelaszczyk & Mańdziuk 2021, "Audio-to-Image Cross-Modal Generation", arXiv 2109.13354: each picture
of a split gets a random recording of its digit from the same split, with replacement.
"""

import torch
from jaxtyping import Int
from torch import Tensor


def pair_by_label(
    picture_labels: Int[Tensor, " n"],
    speech_labels: Int[Tensor, " m"],
    generator: torch.Generator,
) -> Int[Tensor, " n"]:
    """Index of a random recording of each picture's label, uniform over the label's recordings.

    Args:
        generator: on the CPU, so that pairs are the same on any device.

    Raises:
        ValueError: if a digit that pictures show is not spoken.
    """
    device = picture_labels.device
    pictured, spoken = picture_labels.cpu(), speech_labels.cpu()
    if missing := sorted(set(pictured.tolist()) - set(spoken.tolist())):
        raise ValueError(
            f"pictures show {', '.join(map(str, missing))}, of which there is no recording: add "
            "recordings, or leave these pictures out"
        )
    order = spoken.argsort(stable=True)  # recordings of each label, one label after another
    first = torch.searchsorted(spoken[order], pictured)
    count = torch.searchsorted(spoken[order], pictured, right=True) - first
    drawn = torch.rand(len(pictured), generator=generator, dtype=torch.float64)
    return order[first + (drawn * count).long()].to(device)
