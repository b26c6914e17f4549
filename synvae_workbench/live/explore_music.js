// Asks the kernel for melodies and their pictures, and shows what it answers: see explore_music.py.
const PATIENCE = 1500;  // milliseconds after which a question counts as lost

/** A slider in a label; `moved` is called as it moves. `words` says its value, to the ear alone if
 * `found` is true: then what came of it is shown by `tell`. */
const slider = (parent, text, { words, found, ...attributes }, moved) => {
  const label = make("label", "em-slider", parent), name = make("span", "em-name", label, text);
  // An output, the usual element, would take the label, and speak of each change a second time.
  const input = make("input", "", label), value = make("span", "em-value", name);
  value.setAttribute("aria-hidden", "true");
  Object.assign(input, { type: "range" }, attributes);
  const tell = said => { value.textContent = said; };
  const speak = () => {
    const said = words(+input.value);
    input.setAttribute("aria-valuetext", said);
    if (!found) tell(said);
  };
  input.addEventListener("input", () => { speak(); moved(); });
  speak();
  return { label, input, tell, set: to => { input.value = to; speak(); } };
};

function render({ model, el }) {
  const page = model.get("page"), [channels, high, wide] = page.shape, grey = channels === 1;
  const root = make("div", "explore-music", el), inner = make("div", "em-inner", root);
  asGroup(root, "Explore music");

  // One question at a time: while it is answered (data-busy), only the newest change is kept.
  let asked = -Infinity, waiting;
  const send = (content, buffers) => {
    asked = performance.now(); root.dataset.busy = "";
    model.send(content, undefined, buffers);
  };
  const change = () => {
    waiting = { kind: "change", mix: +mix.input.value, qpm: +qpm.input.value,
      program: +program.value,
      more: Object.fromEntries(sliders.map(({ name, input }) => [name, +input.value])) };
    if (performance.now() - asked > PATIENCE) next();
  };
  const next = () => {
    const content = waiting;
    waiting = undefined; asked = -Infinity;
    if (content) send(content); else delete root.dataset.busy;
  };
  const act = (content, buffers) => { waiting = undefined; send(content, buffers); };

  /** A picture of the kernel's pixels; grey ones are ink, and the page's background is paper. */
  const picture = (parent, alt) => {
    const box = make("span", "em-paper", parent), canvas = make("canvas", grey ? "em-ink" : "", box);
    canvas.width = wide; canvas.height = high;
    canvas.setAttribute("role", "img"); canvas.setAttribute("aria-label", alt);
    return view => {
      const pixels = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      const image = new ImageData(wide, high), area = high * wide;
      for (let i = 0; i < area; i++)
        for (let c = 0; c < 4; c++) image.data[4 * i + c] = grey
          ? (c === 3 ? pixels[i] : 0) : (c === 3 ? 255 : pixels[c * area + i]);
      canvas.getContext("2d").putImageData(image, 0, 0);
    };
  };

  // --- the two melodies
  const pair = make("div", "em-pair", inner);
  const cards = ["A", "B"].map(slot => {
    const { node, head } = section(pair, "em-card", `Melody ${slot}`);
    const name = make("span", "em-tune", head), shown = make("div", "em-shown", node);
    const paint = picture(shown, `The picture that melody ${slot} draws`);
    const roll = make("div", "em-roll synvae-roll", shown), row = make("div", "em-row", node);
    roll.setAttribute("role", "img");
    roll.style.setProperty("--beats", page.steps / 4);
    roll.style.setProperty("--bars", page.steps / 16);
    button(row, "Hear", () => act({ kind: "hear", slot })).setAttribute("aria-label",
      `Hear melody ${slot}`);
    const pick = make("select", "", row);
    pick.setAttribute("aria-label", `A tune for melody ${slot}`);
    make("option", "", pick, "Choose a tune …").value = "";
    for (const [i, text] of page.examples.entries()) make("option", "", pick, text).value = i;
    pick.addEventListener("change", () => {
      if (pick.value !== "") act({ kind: "choose", slot, index: +pick.value });
    });
    const label = make("label", "em-file", row, "Upload MIDI …"), file = make("input", "", label);
    Object.assign(file, { type: "file", accept: ".mid,.midi,.kar,.rmi,.smf,audio/midi" });
    file.setAttribute("aria-label", `Upload a MIDI file as melody ${slot}`);
    file.addEventListener("change", async () => {
      const [chosen] = file.files;
      if (!chosen) return;
      if (chosen.size > page.max_bytes)
        refuse(`Not used: ${chosen.name} has more than ${page.max_bytes >> 10} KB; `
          + "export the melody alone.");
      else try {
        act({ kind: "upload", slot, name: chosen.name }, [await chosen.arrayBuffer()]);
      } catch { refuse(`Not used: ${chosen.name} cannot be read; choose it again.`); }
      file.value = "";  // so that the same file can be chosen again
    });
    return (tune, pixels) => {
      name.textContent = tune.name; pick.value = tune.example ?? "";
      roll.setAttribute("aria-label", tune.words); roll.replaceChildren();
      const pitches = tune.notes.map(note => note[2]);
      const low = Math.min(LOW, ...pitches), span = Math.max(HIGH, ...pitches) + 2 - low;
      for (const [start, end, pitch] of tune.notes)
        Object.assign(make("span", "", roll).style, { background: colour(pitch),
          left: `${100 * start / page.steps}%`, bottom: `${100 * (pitch - low) / span}%`,
          width: `calc(${100 * (end - start) / page.steps}% - 1px)` });
      paint(pixels);
    };
  });

  // --- the piano
  const tap = make("details", "em-tap", inner);
  make("summary", "", tap, "Tap a melody on the keys");
  const piano = make("div", "", tap);
  tap.open = true;

  // --- what comes of them
  const stage = make("div", "em-stage", inner);
  const way = section(stage, "em-way", "Between them");
  const mix = slider(way.node, "A", { min: 0, max: 100, step: 1, value: 0, words: value =>
    ({ 0: "melody A", 100: "melody B" })[value] ?? `${value} % of the way to B` }, () => change());
  mix.input.setAttribute("aria-label", "From melody A to melody B");
  mix.input.classList.add("em-mix");
  make("span", "em-end", mix.label.querySelector(".em-name"), "B");
  const slot = make("div", "em-player", way.node), sound = make("div", "em-sound", way.node);
  const drawn = section(stage, "em-drawn", "What it draws");
  const paint = picture(drawn.node, "The picture drawn from the notes that are heard");
  const cameBack = make("p", "em-caption", drawn.node);

  const label = make("label", "em-slider", sound);
  make("span", "em-name", label, "Instrument");
  const program = make("select", "", label);
  fillInstruments(program, page);
  program.addEventListener("change", () => change());
  const qpm = slider(sound, "Tempo", { min: page.tempos[0], max: page.tempos[1], step: 5,
    value: page.qpm, words: value => `${value} bpm` }, () => change());
  button(sound, "Swap A and B", () => act({ kind: "swap" }));

  // --- more or less of something
  const bend = section(inner, "em-bend", "More or less of it");
  const grid = make("div", "em-grid", bend.node);
  const sliders = page.sliders.map(([name, title, less, more]) => {
    const made = slider(grid, title, { min: -page.reach, max: page.reach, step: page.step,
      value: 0, found: true, words: value => value
        ? `${Math.abs(value)} ${value < 0 ? less : more}` : "as it was" }, () => change());
    const ends = make("span", "em-ends", made.label);
    make("span", "", ends, less); make("span", "", ends, more);
    ends.setAttribute("aria-hidden", "true");
    made.input.setAttribute("aria-label", `${title}, from ${less} to ${more}`);
    made.input.dataset.name = name;
    return { name, ...made };
  });
  button(bend.node, "As it was", () => {
    for (const each of sliders) each.set(0);
    change();
  });
  const status = make("p", "em-status", inner);
  status.setAttribute("role", "status");
  const say = text => { status.textContent = text; };
  const { refuse, clear } = besideControls(root, status);

  // --- what the kernel answers
  const receive = (content, buffers) => {
    if (content.kind === "shown") {
      paint(buffers[0]); cameBack.textContent = content.came_back;
      cards.forEach((show, i) => show(content.tunes["AB"[i]], buffers[1 + i]));
      if (!waiting) {  // else the hand is on a slider already
        mix.set(content.mix);
        qpm.set(content.qpm); program.value = content.program;
        for (const { name, set } of sliders) set(content.more[name]);
      }
      for (const { name, tell } of sliders) tell(content.found[name]);
      clear(); say(content.said);
    } else refuse(content.said);
    next();
  };
  model.on("msg:custom", receive);
  const view = (name, parent) => {
    const id = model.get(name).slice("IPY_MODEL_".length), manager = model.widget_manager;
    return manager.get_model(id).then(child => manager.create_view(child))
      .then(child => { parent.append(child.el); });
  };
  Promise.all([view("keyboard", piano), view("player", slot)]).then(() => act({ kind: "ready" }));
  const unwatch = watchComputer(model, el);
  return () => { unwatch(); model.off("msg:custom", receive); };
}
export default { render };
