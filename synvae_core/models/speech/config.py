"""Sizes of speech-to-image models: as published, and compact ones.

Żelaszczyk & Mańdziuk 2021, "Audio-to-Image Cross-Modal Generation", arXiv 2109.13354.
"""

from dataclasses import dataclass

from synvae_core.fields import Share, Size, SizeOrNone

Layers = tuple[
    tuple[Size, Size, SizeOrNone], ...
]  # channels, kernel and padding of each; the stride is 2
NORMS = ("none", "hidden", "published")


@dataclass(frozen=True)
class SpeechImageConfig:
    """Sizes of encoder and decoder and, of a VAE-GAN, of the discriminator."""

    encoder: Layers
    encoder_dense: tuple[Size, ...]
    latent_dim: Size
    decoder_dense: tuple[Size, ...]
    decoder_input: tuple[Size, Size]  # channels and side of the first map; its dense layer is extra
    decoder: Layers  # the last one gives the picture
    discriminator: Layers = ()  # none of a VAE
    # Batch norm: "published" is on all layers, on mu, logvar and both one-channel outputs, but not
    # on the first ones of decoder and discriminator; "hidden" is on the inner layers of encoder
    # and decoder alone.
    norm: str = "none"
    spectral: bool = False  # spectral normalisation of the discriminator
    conditional: bool = False  # the discriminator is conditioned on the mean of the speech latents
    noise_dim: SizeOrNone = 0  # of N(0, I) that the decoder reads beside the speech latents
    leak: Share = 0.0  # slope below zero in encoder and discriminator
    dropout: Share = 0.0  # after the encoder's convolutions
    initial_logvar: float = 0.0
    speech_size: Size = 48
    image_size: Size = 28
    remembered: SizeOrNone = 0  # codes of training recordings that come along: see `recall`

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise ValueError(f"norm {self.norm!r} is unknown; choose of {', '.join(NORMS)}")
        side = self.decoder_input[1]
        for _, kernel, padding in self.decoder:
            side = (side - 1) * 2 + kernel - 2 * padding
        if side != self.image_size or self.decoder[-1][0] != 1:
            raise ValueError(
                f"the decoder draws {self.decoder[-1][0]} channels of {side} pixels, expected one "
                f"of {self.image_size}: choose other kernels and paddings"
            )
        if self.decoder_input[1] == 1 and self.decoder_input[0] != self.code_dim:
            raise ValueError(
                f"a decoder that begins at one pixel reads the code: {self.decoder_input[0]} "
                f"channels there, {self.code_dim} dimensions"
            )

    @property
    def code_dim(self) -> int:
        """Dimensions of the decoder's input: latents and noise."""
        return self.latent_dim + self.noise_dim


def speech_image_config(name: str) -> SpeechImageConfig:
    """Published sizes "vae" and "vae_gan", or "compact_vae" and "compact_vae_gan".

    Raises:
        ValueError: for any other name.
    """
    if name not in _CONFIGS:
        raise ValueError(f"model {name!r} is unknown; choose of {', '.join(_CONFIGS)}")
    return _CONFIGS[name]


_COMPACT = ((16, 3, 1), (32, 3, 1), (64, 3, 1), (128, 3, 1))
_CONFIGS = {
    "vae": SpeechImageConfig(
        encoder=((64, 4, 0), (128, 4, 0)),
        encoder_dense=(1024, 512),
        latent_dim=64,
        decoder_dense=(512, 1024),
        decoder_input=(128, 7),
        decoder=((64, 4, 1), (1, 4, 1)),
    ),
    "vae_gan": SpeechImageConfig(
        encoder=((128, 4, 0), (256, 4, 0), (512, 4, 0)),
        encoder_dense=(),
        latent_dim=64,
        decoder_dense=(),
        decoder_input=(64, 1),
        decoder=((512, 3, 0), (256, 3, 0), (128, 2, 0), (1, 2, 0)),
        discriminator=((128, 4, 0), (256, 4, 0), (512, 4, 0)),
        norm="published",
        leak=0.2,
        initial_logvar=-3.0,
    ),
    "compact_vae": SpeechImageConfig(
        encoder=_COMPACT,
        encoder_dense=(),
        latent_dim=32,
        decoder_dense=(256,),
        decoder_input=(32, 7),
        decoder=((16, 4, 1), (1, 4, 1)),
        norm="hidden",
        leak=0.2,
        dropout=0.2,
        initial_logvar=-3.0,
    ),
    "compact_vae_gan": SpeechImageConfig(
        encoder=_COMPACT,
        encoder_dense=(),
        latent_dim=32,
        decoder_dense=(256,),
        decoder_input=(64, 7),
        decoder=((32, 4, 1), (1, 4, 1)),
        discriminator=((32, 4, 1), (64, 4, 1), (128, 3, 1)),
        norm="hidden",
        spectral=True,
        conditional=True,
        noise_dim=8,
        leak=0.2,
        dropout=0.2,
        initial_logvar=-3.0,
    ),
}


def steps(first: int, layers: Layers) -> list[tuple[int, tuple[int, int, int]]]:
    """Pairs of input channels and layer."""
    channels = [first, *(layer[0] for layer in layers[:-1])]
    return list(zip(channels, layers, strict=True))


def features_left(side: int, layers: Layers) -> int:
    """Number of features that strided convolutions leave of a map of that side.

    Raises:
        ValueError: if they leave none.
    """
    left = side
    for _, kernel, padding in layers:
        left = (left + 2 * padding - kernel) // 2 + 1
        if left < 1:
            raise ValueError(
                f"the convolutions leave nothing of {side} pixels: take fewer or smaller ones"
            )
    return layers[-1][0] * left * left
