// Asks the kernel for pictures and melodies and shows what it answers: see explore_synvae.py.
const PATIENCE = 1500;  // milliseconds after which a question counts as lost

/** A slider in a label; `moved` gets its value, `words` says it beside it, `spoken` to the ear. */
const slider = (parent, text, options, moved, spoken = options.words) => {
  const label = make("label", "ex-slider", parent), name = make("span", "ex-name", label, text);
  // an output, the usual element, would take the label
  const input = make("input", "", label), value = make("span", "ex-value", name);
  value.setAttribute("aria-hidden", "true");  // the slider says it as its value, not in its name
  const { words, ...attributes } = options;
  Object.assign(input, { type: "range" }, attributes);
  const tell = () => {
    value.textContent = words(+input.value);
    input.setAttribute("aria-valuetext", spoken(+input.value));
  };
  input.addEventListener("input", () => { tell(); moved(+input.value); });
  tell();
  return { label, input, set: to => { input.value = to; tell(); } };
};

function render({ model, el }) {
  const page = model.get("page");
  // One question at a time: while it is answered (data-busy), only the newest of each kind is kept.
  const waiting = new Map();
  let asked = -Infinity;
  const send = (content, buffers) => {
    const { kind, slider } = content;
    waiting.delete(`${kind} ${slider}`); waiting.set(`${kind} ${slider}`, [content, buffers]);
    if (performance.now() - asked > PATIENCE) next();
  };
  const next = () => {
    const [first] = waiting;
    asked = first ? performance.now() : -Infinity;
    root.toggleAttribute("data-busy", Boolean(first));
    if (!first) return;
    waiting.delete(first[0]);
    model.send(first[1][0], undefined, first[1][1]);
  };
  const root = make("div", "explore", el), inner = make("div", "ex-inner", root);
  asGroup(root, "Explore SynVAE");

  /** A picture of the kernel's pixels; of ink, the light pixels are dark on the page's paper. One
   * without a text is told by what it stands on. */
  const picture = (parent, alt) => {
    const box = make("span", "ex-paper", parent), canvas = make("canvas", "", box);
    if (alt) { canvas.setAttribute("role", "img"); canvas.setAttribute("aria-label", alt); }
    else canvas.setAttribute("aria-hidden", "true");
    const paint = ([channels, high, wide], ink, pixels, start = 0) => {
      canvas.width = wide; canvas.height = high; canvas.className = ink ? "ex-ink" : "";
      canvas.classList.toggle("ex-smooth", Math.max(high, wide) > 100);
      const image = new ImageData(wide, high), area = high * wide;
      for (let i = 0; i < area; i++)
        for (let c = 0; c < 4; c++) {
          const value = pixels[start + (channels === 1 || c === 3 ? i : c * area + i)];
          image.data[4 * i + c] = ink ? (c === 3 ? value : 0) : (c === 3 ? 255 : value);
        }
      canvas.getContext("2d").putImageData(image, 0, 0);
    };
    return { box, canvas, paint };
  };
  const placeOf = ({ dataset }) => {
    const [of, index] = dataset.place.split(" ");
    return { of, index: +index };
  };
  const picks = {
    hear: item => send({ kind: "hear", ...placeOf(item) }),
    keep: item => { leaveField(); send({ kind: "choose", ...placeOf(item) }); },
    leave: () => send({ kind: "back" }),
  };
  /** Fills a list with buttons that have pictures on them. */
  const choices = (fill, { pictures, shape, ink }, pixels) => {
    const bytes = shape[0] * shape[1] * shape[2];
    fill(pictures.map(([of, index, caption], i) => {
      const item = button(document.createElement("div"), "");
      item.className = "ex-choice"; item.dataset.place = `${of} ${index}`;
      item.title = caption;  // its name as well: beside a label of the same words it is said twice
      picture(item, "").paint(shape, ink, pixels, i * bytes);
      return item;
    }));
    mark();
  };
  let current = "", opened = 0;
  const mark = () => {
    for (const item of root.querySelectorAll(".ex-choice"))
      item.setAttribute("aria-selected", item.dataset.place === current);
  };

  // --- drop, paste, choose, draw
  const source = section(inner, "ex-source",
    byHand("Drop any picture here", "Choose or photograph a picture"));
  make("p", "ex-hint", source.node, "A photograph, a painting or a digit, drawn or photographed"
    + byHand(": drop it on the page, paste it, or choose a file. ", ". ") + "Or take one of these"
    + byHand(": arrow keys let each be heard, Enter keeps it, space pauses, Escape is silence.", "."));
  const acts = make("div", "ex-row", source.node), shelf = make("div", "ex-shelf", source.node);
  const taken = takePictures(root, page.max_bytes,
    (name, content) => { leaveField(); used(taken.label); send({ kind: "upload", name }, [content]); },
    text => { used(taken.label); refuse(text); });
  acts.append(taken.label);
  let number = 0;
  const draw = button(acts, "Draw a digit", () => {
    stage.classList.add("ex-drawing"); field.clear(); draw.textContent = "Clear the field";
    field.canvas.focus(); say(`Draw a digit. ${byHand(KEYS, "A finger is the pen.")}`);
  });
  button(acts, "Other examples", () => send({ kind: "shelf", number: ++number }));
  const fillShelf = ({ rows }, buffers) => {
    shelf.replaceChildren(...rows.map((row, i) => {
      const block = make("section", "", shelf, "");
      make("h3", "", block, row.title);
      choices(pickList(make("div", "ex-row", block), row.title, picks), row, pixelsOf(buffers[i]));
      return block;
    }));
  };

  // --- the picture, what a model sees of it, its melody, and what comes back
  const stage = make("div", "ex-stage", inner);
  const before = section(stage, "ex-before", "The picture, as it is");
  const shown = picture(before.node, "The picture, as it is");
  const fieldBox = make("span", "ex-paper ex-field", before.node);
  const field = drawingField(fieldBox, page.side, ink => send({ kind: "draw" }, [ink.buffer]),
    text => say(text));
  const leaveField = () => {
    stage.classList.remove("ex-drawing"); draw.textContent = "Draw a digit";
  };
  const name = make("p", "ex-caption", before.node);
  const taking = section(stage, "ex-taking", "What it is taken for");
  const why = make("p", "ex-taken", taking.node), limit = make("p", "ex-limit", taking.node);
  const modelLabel = make("label", "ex-slider", taking.node);
  make("span", "ex-name", modelLabel, "Model");
  const player = make("select", "", modelLabel);
  page.models.forEach(({ group, label }, i) => {
    let place = [...player.children].find(each => each.label === group);
    if (!place) { place = make("optgroup", "", player); place.label = group; }
    make("option", "", place, label).value = i;
  });
  player.addEventListener("change", () => send({ kind: "model", number: +player.value }));
  const seeing = make("div", "ex-seeing", taking.node);
  const seen = picture(seeing, "What the model sees"), done = make("p", "ex-caption", seeing);
  const after = section(stage, "ex-after", "Drawn from its notes");
  const rebuilt = picture(after.node, "The picture drawn again from the notes of the melody");
  const cameBack = make("p", "ex-caption", after.node);
  const melody = section(stage, "ex-melody", "Its melody");
  const slot = make("div", "", melody.node), sound = make("div", "ex-sound", melody.node);
  const status = make("p", "ex-status", inner);
  status.setAttribute("role", "status");
  const say = text => { status.textContent = text; };
  const { refuse, clear, used } = besideControls(root, status);

  /** A select in a label, with options of these texts. */
  const choice = (text, options, chosen) => {
    const label = make("label", "ex-slider", sound);
    make("span", "ex-name", label, text);
    const select = make("select", "", label);
    for (const [i, each] of options.entries()) make("option", "", select, each).value = i;
    select.addEventListener("change", chosen);
    return select;
  };
  const program = choice("Instrument", [], () => perform());
  fillInstruments(program, page);
  const perform = () => send({ kind: "sound", program: +program.value, qpm: +qpm.input.value,
    temperature: +heat.input.value, style: page.styles[style.value][0],
    font: page.fonts[font.value], performed: performed.checked });
  const qpm = slider(sound, "Tempo", { min: page.tempos[0], max: page.tempos[1], step: 5,
    value: page.qpm, words: value => `${value} bpm` }, perform);
  const heat = slider(sound, "Temperature", { min: page.temperatures[0], step: .05,
    max: page.temperatures[1], value: 0, words: value => value ? value.toFixed(2) : "as it is" },
  value => { perform(); again.hidden = !value; });
  const style = choice("Accompaniment", page.styles.map(each => each[1]), perform);
  const font = choice("Sound font", page.fonts, perform);
  font.parentNode.hidden = page.fonts.length < 2;
  const asItLooks = make("label", "ex-check", sound), performed = make("input", "", asItLooks);
  performed.type = "checkbox";
  performed.addEventListener("change", perform);
  const look = make("span", "", asItLooks);
  const again = button(sound, "Another variant", () => send({ kind: "again" }));
  again.hidden = true;

  /** The kernel knows how it sounds: the page may be one of several, or be opened anew. */
  const setSound = sound => {
    program.value = sound.program; qpm.set(sound.qpm); heat.set(sound.temperature);
    style.value = page.styles.findIndex(([name]) => name === sound.style);
    font.value = page.fonts.indexOf(sound.font);
    performed.checked = sound.performed; again.hidden = !sound.temperature;
  };

  // --- sliders
  const bend = section(inner, "ex-bend", "Bend the melody");
  make("p", "ex-hint", bend.node, "The same sliders for every picture. Each moves the latents along "
    + "one direction; what it does to the notes was measured in them: below each stands the change "
    + "from its left end to its right one, and in how many of the pictures it went that way.");
  const grid = make("div", "ex-grid", bend.node);
  let sliders;
  const describe = () => {  // of the model that plays
    const { sliders: told, reach } = model.get("page");
    bend.node.hidden = !told.length;  // of a model that plays the same whatever is asked
    grid.replaceChildren();
    sliders = told.map(({ less, more, does }, number) => {
      const block = make("div", "ex-bent", grid);
      // The number says nothing to the eye that the knob does not; a screen reader wants it.
      const made = slider(block, less, { min: -reach, max: reach, value: 0, step: reach / 30,
        words: () => more },
      value => send({ kind: "slide", slider: number, value }), value => Math.abs(value) < .05
        ? "in the middle" : `${Math.abs(value).toFixed(1)} towards ${value < 0 ? less : more}`);
      made.input.setAttribute("aria-label", `From ${less} to ${more}`);
      made.input.setAttribute("aria-description", make("small", "", block, does).textContent);
      return made;
    });
  };
  describe();
  model.on("change:page", describe);
  button(bend.node, "Back to the picture", () => send({ kind: "reset" }));

  // --- the way to another picture
  const pair = make("div", "ex-pair", inner);
  const way = section(pair, "ex-way", "On the way to another picture, by latents");
  const road = make("div", "ex-road", way.node), start = picture(road, "Start of the way");
  const step = slider(road, "", { min: 0, max: page.positions - 1, step: 1, value: 0,
    words: value => `${Math.round(100 * value / (page.positions - 1))} %` },
  position => send({ kind: "way", position }));
  step.input.setAttribute("aria-label", "Way to the other picture");
  const end = picture(road, "End of the way");
  const ends = make("div", "ex-row", way.node);
  button(ends, "Hear the whole way", () => send({ kind: "whole" }));
  button(ends, "Make the picture above its end", () => send({ kind: "other" }));
  const neighbours = make("div", "ex-neighbours", pair);
  const byEar = section(neighbours, "ex-by-ear", "They sound alike, by ear");
  const patience = make("p", "ex-hint", byEar.node),
    alike = pickList(make("div", "ex-row", byEar.node), "They sound alike, by ear", picks);
  const byLatents = section(neighbours, "ex-by-latents", "Nearest pictures, by latents");
  const near = pickList(make("div", "ex-row", byLatents.node), "Nearest pictures, by latents", picks);
  const showByEar = (found, pixels) => {
    const { heard, of } = found;
    patience.hidden = heard === of;
    patience.textContent = `Listening to the other pictures: ${heard} of ${of} so far.`;
    choices(alike, found, pixels);
  };

  // --- what the kernel answers
  const pixelsOf = view => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const show = (content, buffers) => {
    const { shape, ink } = content;
    const [original, drawn, other, latentPixels, earPixels] = buffers.map(pixelsOf);
    for (const each of [seen, start]) each.paint(shape, ink, original);
    look.textContent = `As performed: ${content.look}`;
    program.disabled = qpm.input.disabled = content.sound.performed;
    rebuilt.paint(shape, ink, drawn); end.paint(shape, content.other_ink, other);
    current = (content.place ?? []).join(" ");
    opened = player.value = content.model;
    name.textContent = content.name; cameBack.textContent = content.came_back;
    why.textContent = content.taken; limit.textContent = content.limit;
    done.textContent = `The model sees: ${content.seen}.`;
    start.canvas.setAttribute("aria-label", `Start: ${content.name}`);
    end.canvas.setAttribute("aria-label", `End: ${content.other}`);
    if (!waiting.size) {  // else the hand is elsewhere already
      step.set(content.position); setSound(content.sound);
      sliders.forEach((each, number) => each.set(content.values[number]));
    }
    choices(near, content.by_latents, latentPixels);
    showByEar(content.by_ear, earPixels);
    clear(); say(content.said);
  };
  const unasked = {
    "by ear": (content, buffers) => showByEar(content.by_ear, pixelsOf(buffers[0])),
    original: ({ shape, ink }, buffers) => shown.paint(shape, ink, pixelsOf(buffers[0])),
    opening: ({ said }) => say(said),
  };
  const receive = (content, buffers) => {
    if (unasked[content.kind]) { unasked[content.kind](content, buffers); return; }
    if (content.kind === "shown") show(content, buffers);
    else if (content.kind === "shelf") fillShelf(content, buffers);
    else if (content.kind === "refused") {
      refuse(content.said); player.value = opened; setSound(content.sound);
    } else say(content.said);
    next();
  };
  model.on("msg:custom", receive);
  const manager = model.widget_manager, id = model.get("player").slice("IPY_MODEL_".length);
  manager.get_model(id).then(player => manager.create_view(player))
    .then(view => { slot.append(view.el); send({ kind: "ready" }); });
  const unwatch = watchComputer(model, el);
  return () => {
    unwatch(); taken.end(); model.off("msg:custom", receive); model.off("change:page", describe);
  };
}
export default { render };
