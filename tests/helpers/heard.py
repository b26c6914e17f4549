"""What an audio element of a page holds."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from playwright import sync_api

DECODE = """async audio => {
  const source = audio.currentSrc || audio.src, inline = source.match(/^data:[^,]*;base64,(.*)$/);
  const bytes = inline  // a report's policy lets it fetch nothing, not even what it holds
    ? Uint8Array.from(atob(inline[1]), c => c.charCodeAt(0)).buffer
    : await (await fetch(source)).arrayBuffer();
  const context = new OfflineAudioContext(1, 1, 44100);
  const sound = await context.decodeAudioData(bytes);
  let loudest = 0;
  for (const sample of sound.getChannelData(0)) loudest = Math.max(loudest, Math.abs(sample));
  return {seconds: sound.duration, loudest};
}"""


class Sound(NamedTuple):
    """A sound as the browser decodes it: its length, and its peak in 0..1."""

    seconds: float
    loudest: float


def sound_of(audio: "sync_api.Locator") -> Sound:
    """What the audio element of a locator holds, decoded by the browser."""
    return Sound(**audio.evaluate(DECODE))
