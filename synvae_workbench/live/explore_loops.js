// Asks the kernel for loops between four, draws them, and lets them go round: see explore_loops.py.
const HEADER = 44;  // bytes of a WAV file before its samples
const STEP = 5, LARGE = 25;  // of an arrow key on the pad, in percent; with Shift
const WAVE = [640, 120];  // pixels
const WHEN = [["on the next beat", 1], ["when the loop begins again", 0]];

function render({ model, el }) {
  const page = model.get("page"), deck = loopDeck(page.rate, page.beats);
  const root = make("div", "explore-loops xp", el), inner = make("div", "xp-inner", root);
  asGroup(root, "Drum loops");
  const { act, change, next, waits } = asking(model, root);
  let samples, url, wanted = false, frame = 0, x = 0, y = 0;
  const send = () => change({ kind: "change", x, y, tempo: +tempo.input.value,
    plain: plain.checked });

  // --- four loops and the pad between them
  const between = section(inner, "xl-between", "Four loops, and what lies between them");
  const board = make("div", "xl-board", between.node);
  const corners = page.places.map((place, corner) => {
    const cell = make("div", `xl-corner xl-corner-${corner}`, board);
    const select = choice(cell, `Loop ${place}`, page.loops,
      index => act({ kind: "choose", corner, index }));
    const own = make("option", "", select, "");
    own.hidden = true; own.value = "";
    const label = make("label", "xp-file", cell, "Your own …"), file = make("input", "", label);
    Object.assign(file, { type: "file", accept: SOUND_FILES });
    file.setAttribute("aria-label", `Your own loop, ${place}`);
    file.addEventListener("change", () => { upload(corner, file); });
    return { select, own };
  });
  const upload = async (corner, file) => {
    const [chosen] = file.files;
    if (!chosen) return;
    if (chosen.size > page.max_bytes)
      refuse(`Not used: ${chosen.name} has more than ${page.max_bytes / 2 ** 20} MB; cut it shorter.`);
    else try {
      const bytes = await readable(chosen, page.longest, "cut it shorter");
      wanted = true;
      act({ kind: "upload", corner, name: chosen.name }, [bytes]);
    } catch (error) {
      const why = error instanceof DOMException ? "cannot be read; choose it again" : error.message;
      refuse(`Not used: ${chosen.name} ${why}.`);
    }
    file.value = "";  // so that the same file can be chosen again
  };
  const pad = make("div", "xl-pad", board), knob = make("span", "xl-knob", pad);
  for (const [name, value] of Object.entries({ role: "slider", tabindex: 0, "aria-valuemin": 0,
    "aria-valuemax": 100, "aria-roledescription": "pad",
    "aria-label": "Between the four loops: arrow keys move left, right, up and down" }))
    pad.setAttribute(name, value);
  const mark = () => {
    knob.style.left = `${x}%`; knob.style.top = `${y}%`;
    pad.setAttribute("aria-valuenow", x);
    pad.setAttribute("aria-valuetext", `${x} % to the right, ${y} % down`);
  };
  const move = (right, down) => {
    const within = value => Math.max(0, Math.min(100, Math.round(value)));
    x = within(right); y = within(down);
    mark(); send();
  };
  const drag = event => {
    const box = pad.getBoundingClientRect();
    move(100 * (event.clientX - box.left) / box.width, 100 * (event.clientY - box.top) / box.height);
  };
  pad.addEventListener("pointerdown", event => { pad.setPointerCapture(event.pointerId); drag(event); });
  pad.addEventListener("pointermove", event => { if (pad.hasPointerCapture(event.pointerId)) drag(event); });
  pad.addEventListener("keydown", event => {
    const by = event.shiftKey ? LARGE : STEP;
    const way = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
    const [right, down] = way[event.key] ?? [];
    if (right === undefined) return;
    event.preventDefault(); event.stopPropagation();
    move(x + right, y + down);
  });

  // --- how it sounds
  const row = make("div", "xp-row", between.node);
  const start = button(row, "Play", () => { if (deck.plays()) halt(); else go(); });
  start.className = "xl-play";
  const save = make("a", "xl-wav", row, "Save WAV");
  const when = choice(row, "A change comes in", WHEN.map(([text]) => text), () => {});
  const same = make("label", "xl-plain", row), plain = make("input", "", same);
  plain.type = "checkbox"; plain.addEventListener("change", send);
  make("span", "", same, "the nearest loop as it came, without the model");
  const tempo = slider(between.node, "Tempo", { min: page.tempos[0], max: page.tempos[1], step: 1 },
    value => `${value} bpm`, send);
  const { say, refuse } = speaking(between.node, root);
  const remark = make("p", "xp-remark", between.node);

  // --- what it looks like
  const seen = section(inner, "xl-seen", "What it looks like");
  const shown = make("div", "xl-shown", seen.node);
  const wave = picture(shown, "Waveform, two bars", [1, WAVE[1], WAVE[0]]);
  const spectrum = picture(shown, `Spectrogram, up to ${Math.round(page.rate / 2000)} kHz`,
    [1, ...page.spectrogram]);
  spectrum.canvas.className = "xl-spectrum";
  const head = make("span", "xl-head", shown);
  const draw = () => {
    const { canvas } = wave, pen = canvas.getContext("2d"), [wide, high] = WAVE;
    pen.clearRect(0, 0, wide, high);
    pen.fillStyle = getComputedStyle(root).color;
    for (let beat = 1; beat < page.beats; beat++) {
      pen.globalAlpha = beat === page.beats / 2 ? .5 : .2;
      pen.fillRect(wide * beat / page.beats, 0, 1, high);
    }
    pen.globalAlpha = 1;
    for (let i = 0; i < wide; i++) {
      const part = samples.subarray(i * samples.length / wide, (i + 1) * samples.length / wide);
      let least = 0, most = 0;
      for (const value of part) { least = Math.min(least, value); most = Math.max(most, value); }
      pen.fillRect(i, high / 2 * (1 - most), 1, Math.max(1, high / 2 * (most - least)));
    }
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => { if (samples) draw(); };
  dark.addEventListener("change", repaint);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const follow = () => {
    const place = deck.place();  // without motion it stands at the beginning of each beat
    const at = still.matches ? Math.floor(page.beats * place) / page.beats : place;
    head.style.left = `${100 * at}%`;
    head.hidden = !deck.plays();
    cancelAnimationFrame(frame);
    if (deck.plays()) frame = requestAnimationFrame(follow);
  };
  const go = () => {
    wanted = true;
    pauseOthers();
    if (samples) deck.play(samples, WHEN[when.value][1] || page.beats);
    start.textContent = "Stop"; follow();
  };
  const halt = () => {
    wanted = false; deck.stop(); start.textContent = "Play"; follow();
  };
  document.addEventListener(SILENCE_EVENT, halt);

  // --- what the kernel answers
  const receive = (content, buffers) => {
    if (content.kind === "shown") {
      const [file, pixels] = buffers;
      const whole = new Int16Array(file.buffer.slice(file.byteOffset + HEADER,
        file.byteOffset + file.byteLength));
      samples = Float32Array.from(whole, value => value / 32768);
      URL.revokeObjectURL(url);
      url = URL.createObjectURL(new Blob([file], { type: "audio/wav" }));
      save.href = url; save.download = `${content.file}.wav`;
      content.corners.forEach(([name, index], i) => {
        corners[i].own.textContent = name; corners[i].own.hidden = index !== null;
        corners[i].select.value = index ?? "";
      });
      if (!waits()) {  // else the hand is on it already
        ({ x, y } = content); mark();
        tempo.set(content.tempo); plain.checked = content.plain;
      }
      wave.canvas.setAttribute("aria-label", `Waveform of ${content.words}`);
      spectrum.paint(pixels, `Spectrogram of ${content.words}`);
      remark.textContent = content.corners.map(each => each[2]).filter(Boolean).join(" ");
      draw();
      if (wanted) go();
      pad.setAttribute("aria-valuetext", content.caption);
    }
    if (content.kind === "refused") refuse(content.said); else say(content.said);
    next();
  };
  model.on("msg:custom", receive);
  follow();
  act({ kind: "ready" });
  const unwatch = watchComputer(model, el);
  return () => {
    unwatch(); model.off("msg:custom", receive); deck.close(); cancelAnimationFrame(frame);
    URL.revokeObjectURL(url);
    document.removeEventListener(SILENCE_EVENT, halt); dark.removeEventListener("change", repaint);
  };
}
export default { render };
