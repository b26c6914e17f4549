"""Classifiers that judge pictures.

LeNet-5 with 61,706 parameters after LeCun et al. 1998, "Gradient-based learning applied to document
recognition", with ReLU and max pooling.
"""

from jaxtyping import Float
from torch import Tensor, nn


class LeNet5(nn.Module):
    """Logits of ten classes for 28 x 28 grey pictures in [0, 1], padded to 32 x 32."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.ZeroPad2d(2),
            nn.Conv2d(1, 6, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
        )
        self.head = nn.Linear(84, classes)

    def forward(self, images: Float[Tensor, "b 1 28 28"]) -> Float[Tensor, "b classes"]:
        return self.head(self.features(images))
