"""A model of faces and what it knows them by, without a page: held-out faces, sliders, likenesses.

The model is linear and fitted on the spot, in two seconds, the first time, and from the cache from
then on: nothing that was made from the packaged faces lies in the repository.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from synvae_core.losses import squared_error
from synvae_core.metrics.copying import nearest_pictures
from synvae_core.metrics.principal_components import PrincipalComponents, principal_components
from synvae_core.models.faces import FaceConfig, FaceVae
from synvae_core.models.melody.vae import latent_path
from synvae_workbench.data.cache import cache_folder, cached_arrays, digest_of
from synvae_workbench.data.pictures.computed_labels import find_face
from synvae_workbench.evaluation.picture_sliders import picture_sliders
from synvae_workbench.live.uploads import printable_name, read_picture_upload
from synvae_workbench.training.faces import Variation, draw_variations

BETA = 0.03  # of notebook 17
VARIATIONS = 40  # of each training picture, to fit on
AROUND = 1.15  # side of a crop in sides of the face found, as the packaged ones are cropped
FRAMES = 12  # of a walk, from one face to the next


class Face(NamedTuple):
    """A face by its code, with a name, the picture it is the code of, if any, and a remark."""

    name: str
    z: Float[Tensor, " z"]
    picture: Float[Tensor, "c h w"] | None = None
    remark: str = ""


class Likeness(NamedTuple):
    """Training pictures nearest to pictures, mirrored where that is nearer, and how near.

    `rms` is the root mean squared difference, where 1 is from black to white.
    """

    rows: list[int]
    pictures: Float[Tensor, "n c h w"]
    rms: list[float]


def fit_faces(train: Float[Tensor, "n c h w"], *, dimensions: int, seed: int = 0) -> FaceVae:
    """Linear VAE of pictures: the principal components of augmented ones, without training.

    Raises:
        ValueError: as `principal_components`.
    """
    variation = Variation()

    def build() -> dict[str, np.ndarray]:
        varied = draw_variations(train, variation, times=VARIATIONS, seed=seed)
        found = principal_components(varied, dimensions=dimensions)
        return {name: each.numpy() for name, each in found._asdict().items()}

    settings = (dimensions, seed, VARIATIONS, variation)
    name = digest_of(settings, {"faces": train.numpy().tobytes()})
    path = cache_folder() / f"faces-{name}.npz"
    arrays = cached_arrays(path, PrincipalComponents._fields, build)
    found = PrincipalComponents(**{name: torch.from_numpy(each) for name, each in arrays.items()})
    model = FaceVae(FaceConfig(train.shape[-1], train.shape[1], dimensions, hidden_channels=0))
    model.start_from(*found, beta=BETA)
    return model.eval()


class FaceBench:
    """A model of faces with the pictures that it was fitted to, and others to begin with.

    Args:
        model: in evaluation mode, on the CPU.
        train: what it was fitted to.
        held_out: faces that it was not fitted to, two or more.

    Attributes:
        sliders: with their effect on the held-out faces.
        known: the held-out faces.
        errors: squared errors of these, summed over the pixels.
        closest: the least distance of one of them, rebuilt, from a training picture.

    Raises:
        ValueError: if the pictures are not of the model's shape, or too few.
    """

    def __init__(
        self,
        model: FaceVae,
        train: Float[Tensor, "n c h w"],
        held_out: Float[Tensor, "m c h w"],
    ) -> None:
        if {train.shape[1:], held_out.shape[1:]} != {model.shape} or len(held_out) < 2:
            raise ValueError(
                f"the model draws pictures {model.shape}: got {tuple(train.shape)} to train on and "
                f"{tuple(held_out.shape)} held out, of which it takes two or more"
            )
        self.model, self.train = model, train
        self.sliders = picture_sliders(model, held_out)
        with torch.no_grad():
            rebuilt = model(held_out, sample=False)
        self.errors = squared_error(rebuilt.reconstruction, held_out)
        self.closest = min(self.nearest(rebuilt.reconstruction).rms)
        self.known = [
            Face(
                f"Held-out face {i}", mu, picture, f"The model has not seen it. {self._fit(error)}"
            )
            for i, (mu, picture, error) in enumerate(
                zip(rebuilt.posterior.mu, held_out, self.errors.tolist(), strict=True), 1
            )
        ]

    @torch.no_grad()
    def draw(self, z: Float[Tensor, "n z"]) -> Float[Tensor, "n c h w"]:
        """Pictures of codes."""
        return self.model.draw(z)

    def new_face(self, seed: int) -> Face:
        """A draw of the prior: a face of nobody."""
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(self.model.config.latent_dim, generator=generator)
        return Face("A new face", z, None, "A draw of the prior: nobody's picture.")

    def nearest(self, pictures: Float[Tensor, "n c h w"]) -> Likeness:
        """The training picture nearest to each picture: it tells whether that is a copy."""
        found = nearest_pictures(pictures, self.train)
        others = self.train[found.rows]
        turned = torch.where(found.is_mirrored[:, None, None, None], others.flip(-1), others)
        rms = (found.squared_error / self.train[0].numel()).sqrt()
        return Likeness(found.rows.tolist(), turned, rms.tolist())

    def project(self, name: str, content: object) -> Face:
        """The code of an uploaded picture: of the face found in it, else of its middle square.

        Raises:
            ValueError: if the file cannot be used, saying why.
        """
        name, pixels = printable_name(name), read_picture_upload(name, content)
        face = find_face(pixels)
        picture = torch.from_numpy(crop_face(pixels, face, self.model.shape)).float() / 255
        with torch.no_grad():
            output = self.model(picture[None], sample=False)
        fit = self._fit(squared_error(output.reconstruction, picture[None]).item())
        found = (
            f"A face was found in {name} and cut out."
            if face
            else f"No face was found in {name}: the model is shown its middle square, and draws "
            "what it has nearest to that."
        )
        return Face(name, output.posterior.mu[0], picture, f"{found} {fit}")

    def walk(self, stops: Sequence[Float[Tensor, " z"]]) -> Float[Tensor, "n c h w"]:
        """Pictures on the way through codes and back to the first, by spherical interpolation."""
        ring = [*stops, stops[0]]
        path = [
            latent_path(a, b, n=FRAMES + 1, path="spherical")[:-1]
            for a, b in zip(ring[:-1], ring[1:], strict=True)
        ]
        return self.draw(torch.cat(path))

    def _fit(self, error: float) -> str:
        mean, most = self.errors.mean().item(), self.errors.max().item()
        words = f"Its squared error is {error:.1f}; of held-out faces it is {mean:.1f} on average"
        return words + (f" and {most:.1f} at most." if error > most else ".")


def crop_face(
    pixels: UInt8[np.ndarray, "h w 3"],
    face: tuple[float, float, float] | None,
    shape: Sequence[int],
) -> UInt8[np.ndarray, "_ _ _"]:
    """The face of a picture, as centre and side, or its middle square, in this shape (c, h, w)."""
    high, wide = pixels.shape[:2]
    x, y, side = face or (wide / 2, high / 2, min(high, wide) / AROUND)
    half = min(side * AROUND, high, wide) / 2
    x, y = (min(max(at, half), most - half) for at, most in ((x, wide), (y, high)))
    image = Image.fromarray(pixels).convert("L" if shape[0] == 1 else "RGB")
    box = (max(0.0, x - half), max(0.0, y - half), min(wide, x + half), min(high, y + half))
    made = np.array(image.resize((shape[2], shape[1]), Image.Resampling.LANCZOS, box=box))
    return made[None] if shape[0] == 1 else np.ascontiguousarray(made.transpose(2, 0, 1))
