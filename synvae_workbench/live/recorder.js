// Records a digit, reads a file or plays an example, and sends it to the kernel: see recorder.py.
const TAP = `registerProcessor("recorder-tap", class extends AudioWorkletProcessor {
  process([[channel]]) { if (channel) this.port.postMessage(channel.slice()); return true; }
});`;
const QUIETEST = -60;  // dB below full scale, the left end of the level meter
const PATIENCE = 10_000;  // ms; Firefox without a sound card opens none, and does not say so
const CHUNKS = 8, FALL = 0.8;  // the meter moves once in so many chunks, and falls so fast
const ELSE = "You can upload a recording, or choose a word below.";
const NONE = "No microphone was found. Connect one, then press Record again.";
const DENIED = {
  NotAllowedError: "The microphone is not allowed here. Allow it in the browser's settings of this "
    + "page (beside the address), then press Record again.",
  NotFoundError: NONE,
  OverconstrainedError: NONE,  // as WebKit says it
  NotReadableError: "The microphone is in use by another program. Close that, then press Record "
    + "again.",
  TimeoutError: "The microphone does not answer. If the browser asks whether this page may use it, "
    + "allow it; if there is none, connect one. Then press Record again.",
  insecure: "The browser offers no microphone to this page, as it came neither from this computer "
    + "nor over https.",
};

/** Opens the microphone; `onSamples` gets chunks and their rate until `close` is called. */
const listen = async onSamples => {
  const late = new AbortController(), error = new DOMException("", "TimeoutError");
  const refused = new Promise((_, refuse) =>
    late.signal.addEventListener("abort", () => refuse(error)));
  const timer = setTimeout(() => late.abort(), PATIENCE);
  try { return await Promise.race([openMicrophone(onSamples, late.signal), refused]); }
  finally { clearTimeout(timer); }
};

/** As `listen`, for as long as it takes; what opens after the signal is closed at once. */
const openMicrophone = async (onSamples, signal) => {
  if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode)
    throw new DOMException("", "insecure");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  const context = new AudioContext();
  const close = () => {
    for (const track of stream.getTracks()) track.stop();
    if (context.state !== "closed") context.close();
  };
  if (signal.aborted) close(); else signal.addEventListener("abort", close);
  const url = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(url);
    const tap = new AudioWorkletNode(context, "recorder-tap", { channelCount: 1,
      channelCountMode: "explicit" });
    tap.port.onmessage = ({ data }) => onSamples(data, context.sampleRate);
    context.createMediaStreamSource(stream).connect(tap).connect(context.destination);
    await context.resume();
  } catch (error) { close(); throw error; } finally { URL.revokeObjectURL(url); }
  return { close, stream };
};

function render({ model, el }) {
  const root = make("div", "recorder", el), limit = model.get("max_seconds");
  asGroup(root, "Say a digit");
  const first = make("div", "rc-row", root), record = button(first, "Record");
  record.className = "rc-record";
  const meter = make("div", "rc-meter", first), bar = make("span", "", meter);
  const clock = make("span", "rc-clock", first);
  record.title = "Press, say a digit, and press again; it stops by itself after "
    + `${limit} seconds`;
  const status = make("p", "rc-status", root);
  status.setAttribute("role", "status");  // a polite live region
  const beside = besideControls(root, status);
  const say = text => { beside.clear(); status.textContent = text; };
  const refuse = text => { say(""); beside.refuse(text); };
  const idle = () => {
    record.textContent = "Record"; delete root.dataset.recording;
    clock.textContent = `up to ${limit} seconds`; level(loudest = 0);
  };
  for (const [name, value] of Object.entries({ role: "meter", "aria-label": "Loudness",
    "aria-valuemin": 0, "aria-valuemax": 100 })) meter.setAttribute(name, value);
  const level = share => {
    bar.style.width = `${100 * share}%`;
    meter.setAttribute("aria-valuenow", Math.round(100 * share));
  };
  const example = make("audio", "", root);

  let open, wanted = false, opening = false, chunks = [], samples = 0, rate = 1, loudest = 0;
  const stop = send => {
    wanted = false;
    if (!open) return;
    open.close(); open = undefined;
    idle();
    if (send) {
      say("Sent.");
      model.send({ kind: "recording", name: "Your recording" }, undefined, [wav(chunks, rate)]);
    }
  };
  const start = async () => {
    opening = wanted = true; chunks = []; samples = 0;
    pauseOthers();
    say("");  // no word from here on: a screen reader would speak into the recording
    clock.textContent = "waiting for the microphone …";
    try {
      open = await listen((chunk, at) => {
        if (!open) return;
        rate = at; chunks.push(chunk); samples += chunk.length;
        for (const sample of chunk) loudest = Math.max(loudest, Math.abs(sample));
        if (chunks.length % CHUNKS) return;
        level(Math.max(0, 1 - 20 * Math.log10(loudest + 1e-9) / QUIETEST));
        loudest *= FALL;
        clock.textContent = `say a digit: ${(samples / rate).toFixed(1)} of ${limit} seconds`;
        if (samples >= limit * rate) stop(true);
      });
      for (const track of open.stream.getTracks()) track.onended = () => stop(true);
      record.textContent = "Stop"; root.dataset.recording = "";
    } catch (error) {
      idle();
      refuse(`${DENIED[error.name] ?? "The microphone cannot be used here."} ${ELSE}`);
    }
    opening = false;
    if (!wanted || !root.isConnected) stop(false);  // something else was chosen meanwhile
  };
  record.addEventListener("click", () => { if (open || opening) stop(true); else start(); });

  const label = make("label", "rc-file", first, "or upload a recording ");
  const file = make("input", "", label);
  file.type = "file"; file.accept = SOUND_FILES;
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    stop(false); pauseOthers();
    const name = chosen.name, most = model.get("max_bytes");
    if (chosen.size > most)
      refuse(`Not used: ${name} has more than ${most / 2 ** 20} MB; cut the digit out.`);
    else try {
      const bytes = await readable(chosen, model.get("longest"), "cut the digit out");
      say("Sent.");
      model.send({ kind: "recording", name }, undefined, [bytes]);
    } catch (error) {
      const why = error instanceof DOMException ? "cannot be read; choose it again" : error.message;
      refuse(`Not used: ${name} ${why}.`);
    }
    file.value = "";  // so that the same file can be chosen again
  });

  const row = make("div", "rc-row", root), who = `or let a ${model.get("voice")} say`;
  make("span", "", row, who);
  row.setAttribute("role", "group"); row.setAttribute("aria-label", who);
  for (const [word, sound] of Object.entries(model.get("sounds")))
    button(row, word, () => {
      stop(false); pauseOthers(); say("Sent.");
      example.src = sound;
      startSound(example);
      model.send({ kind: "example", name: word });
    });

  root.append(status);
  const result = make("div", "rc-result", el);
  let stopped;
  const hush = () => stopped?.abort();
  document.addEventListener(SILENCE_EVENT, hush);
  /** Plays the melody of an answer, once the word of a button has been heard. */
  const playMelody = async () => {
    const melody = result.querySelector(".ss-played audio");
    if (!melody) return;
    const { signal } = stopped = new AbortController();
    if (!example.paused && !example.ended)
      await new Promise(done => {
        for (const end of ["ended", "pause", "error"]) example.addEventListener(end, done,
          { once: true });
      });
    // Escape, or something else that was asked meanwhile
    if (signal.aborted || !melody.isConnected || open || opening) return;
    pauseOthers();
    melody.play().catch(error => {
      if (error.name === "NotAllowedError") say("Press play to hear its melody.");
    });
  };
  const answer = ({ said, page, refused }) => {
    if (refused) refuse(said); else say(said);
    result.innerHTML = page; playMelody();
  };
  model.on("msg:custom", answer);
  idle();
  const unwatch = watchComputer(model, el);
  return () => {
    unwatch(); model.off("msg:custom", answer); stop(false);
    document.removeEventListener(SILENCE_EVENT, hush);
  };
}
export default { render };
