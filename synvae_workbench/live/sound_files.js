// Makes of a chosen sound file what the kernel reads: WAV, FLAC or Ogg.
const READ = ["RIFF", "fLaC", "OggS"];  // a file's first bytes, if the kernel reads it by itself
const SOUND_FILES = "audio/*,.wav,.flac,.ogg,.opus,.mp3,.m4a,.aac,.webm";
const DECODED_RATE = 48000;  // Hz

/** Samples in -1..1 as a mono WAV file of 16 bits. */
const wav = (chunks, rate) => {
  const count = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const write = (at, text) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  write(0, "RIFF"); view.setUint32(4, 36 + 2 * count, true); write(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  write(36, "data"); view.setUint32(40, 2 * count, true);
  let at = 44;
  for (const chunk of chunks)
    for (const sample of chunk) {
      view.setInt16(at, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true);
      at += 2;
    }
  return view.buffer;
};

/** A file as the kernel reads it: as it is, or as samples that the browser decodes. */
const readable = async (file, longest, advice) => {
  const content = await file.arrayBuffer();
  if (READ.includes(String.fromCharCode(...new Uint8Array(content.slice(0, 4))))) return content;
  const context = new OfflineAudioContext(1, 1, DECODED_RATE);
  const sound = await context.decodeAudioData(content).catch(() => {
    throw new Error("is no WAV, FLAC or Ogg file, and no sound that this browser decodes; save it "
      + "as one of these");
  });
  if (sound.duration > longest)
    throw new Error(`lasts ${sound.duration.toFixed(1)} s, more than ${longest}; ${advice}`);
  const mono = new Float32Array(sound.length), count = sound.numberOfChannels;
  for (let channel = 0; channel < count; channel++)
    sound.getChannelData(channel).forEach((sample, i) => { mono[i] += sample / count; });
  return wav([mono], sound.sampleRate);
};
