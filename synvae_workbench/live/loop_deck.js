// Plays a loop round and round, and takes a new one in on a beat, both at the same place in the bar.
const FADE = .012, LEAD = .05;  // seconds of a crossfade, and between asking and hearing

/** Loops of `rate` samples a second, each of `beats` beats. `play` starts or, where one goes round
 * already, comes in at the next of `every` beats; `stop` fades out; `place` is a share of the loop. */
const loopDeck = (rate, beats) => {
  let context, now, coming;  // { source, gain, zero: when it would have begun, length, at }
  const sample = seconds => Math.round(seconds * rate) / rate;
  const begin = (samples, at, share) => {
    const buffer = context.createBuffer(1, samples.length, rate);
    const source = context.createBufferSource(), gain = context.createGain();
    buffer.copyToChannel(samples, 0);
    const length = buffer.duration, offset = sample(share * length) % length;
    source.buffer = buffer; source.loop = true;  // from the first sample to the last, exactly
    source.connect(gain).connect(context.destination);
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(1, at + FADE);
    source.start(at, offset);
    return { source, gain: gain.gain, zero: at - offset, length, at };
  };
  const end = (deck, at) => {
    deck.gain.cancelScheduledValues(at);
    deck.gain.setValueAtTime(1, at);
    deck.gain.linearRampToValueAtTime(0, at + FADE);
    deck.source.stop(at + 2 * FADE);
  };
  const settle = () => {  // what was to come has come
    if (coming && context.currentTime >= coming.at) { now = coming; coming = undefined; }
  };
  const play = async (samples, every = 1) => {
    context ??= new AudioContext({ sampleRate: rate });
    // Where no sound is allowed yet it waits for a click or key.
    context.resume().catch(() => {});
    settle();
    if (!now) { now = begin(samples, sample(context.currentTime + LEAD), 0); return; }
    if (coming) {  // another one was asked for meanwhile: it does not come
      coming.source.stop(); coming.source.disconnect();
      now.gain.cancelScheduledValues(coming.at);  // and what plays does not fade
    }
    const earliest = Math.max(context.currentTime + LEAD, now.at + FADE);
    const step = now.length * every / beats, count = Math.ceil((earliest - now.zero) / step);
    const at = sample(now.zero + count * step), share = count * every / beats % 1;
    coming = begin(samples, at, share);
    end(now, at);
  };
  const stop = () => {
    if (!now) return;
    settle();
    const at = Math.max(context.currentTime, now.at + FADE);
    if (coming) { coming.source.stop(); coming.source.disconnect(); }
    end(now, at);
    now = coming = undefined;
  };
  const place = () => {
    if (!now) return 0;
    settle();
    const share = (context.currentTime - now.zero) / now.length;
    return Math.max(0, share - Math.floor(share));
  };
  return { play, stop, place, plays: () => Boolean(now), close: () => { stop(); context?.close(); } };
};
