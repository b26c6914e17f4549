from synvae_core.losses import normal_kl as normal_kl
from synvae_core.metrics.melody import note_f1 as note_f1
from synvae_core.metrics.retrieval import precision_at_k as precision_at_k
from synvae_core.metrics.two_sample import two_sample_auc as two_sample_auc
from synvae_core.models.melody.configurations import configuration as configuration
from synvae_core.models.melody.configurations import load_melody_model as load_melody_model
from synvae_core.models.melody.vae import MelodyVae as MelodyVae
from synvae_core.models.speech.to_image import SpeechToImage as SpeechToImage
from synvae_core.models.speech.to_image import load_speech_image as load_speech_image
from synvae_core.models.storage import PRETRAINED as PRETRAINED
from synvae_core.models.storage import save_model as save_model
from synvae_core.models.synvae import SynVae as SynVae
from synvae_core.models.synvae import SynVaeConfig as SynVaeConfig
from synvae_core.models.synvae import load_synvae as load_synvae
from synvae_core.models.visual import VisualVae as VisualVae
from synvae_core.models.visual import visual_config as visual_config
from synvae_core.music.midi import events_to_note_sequence as events_to_note_sequence
from synvae_core.music.midi import midi_bytes as midi_bytes
from synvae_core.music.midi import read_midi as read_midi
from synvae_core.music.midi import write_midi as write_midi
from synvae_core.music.reading import read_melodies as read_melodies
from synvae_core.music.render import encode_audio as encode_audio
from synvae_core.music.render import render as render
from synvae_core.types import Posterior as Posterior

__version__: str
