// Asks the kernel for faces, shows them, and plays walks between them: see explore_faces.py.
const FRAME = 90, STILL = 900;  // milliseconds of a picture of a walk; with reduced motion, of a stop

function render({ model, el }) {
  const page = model.get("page");
  const root = make("div", "explore-faces xp", el), inner = make("div", "xp-inner", root);
  asGroup(root, "Faces");
  const { act, change, next, waits } = asking(model, root);

  // --- which face
  const begin = section(inner, "xf-begin", "A face"), row = make("div", "xp-row", begin.node);
  const which = choice(row, "Begin with", page.faces, index => act({ kind: "choose", index }));
  const own = make("option", "", which, "");
  own.hidden = true; own.value = "";
  button(row, "A new face", () =>
    act({ kind: "new", seed: Math.floor(Math.random() * 2 ** 31) }),
  "a draw of the prior, which is nobody's picture");
  const files = takePictures(root, page.max_bytes,
    (name, bytes) => { used(files.label); act({ kind: "upload", name }, [bytes]); },
    text => { used(files.label); refuse(text); });
  files.label.classList.add("xp-file");
  files.label.firstChild.textContent = "Your own picture …";
  row.append(files.label);
  const { say, refuse, used } = speaking(begin.node, root);
  const stage = make("div", "xp-pictures", begin.node);
  const drawn = picture(stage, "What the model draws", page.shape);
  drawn.figure.classList.add("xf-drawn");
  const original = picture(stage, "The picture that it is given", page.shape);
  const nearest = picture(stage, "Training face nearest to what it draws", page.shape);
  const near = make("p", "xf-near", nearest.figure);
  const remark = make("p", "xp-remark", begin.node);

  // --- sliders
  const bend = section(inner, "xf-bend", "More or less of it"), grid = make("div", "xp-grid", bend.node);
  const moved = new Set();
  const send = () => change({ kind: "change",
    changes: Object.fromEntries([...moved].map(i => [i, +sliders[i].input.value])) });
  const sliders = page.sliders.map(([more, less, does, evidence], number) => {
    const words = value => `${Math.abs(value).toFixed(1)} ${value < 0 ? less : more}`;
    const made = slider(grid, `${less} or ${more}`, { min: -page.reach, max: page.reach,
      step: page.step, value: 0 }, words, () => { moved.add(number); send(); });
    const told = make("span", "xp-note", made.label, `${does}: ${evidence} of held-out faces.`);
    told.id = `xf-note-${model.model_id ?? ""}-${number}`;
    made.input.setAttribute("aria-describedby", told.id);
    return made;
  });
  if (!sliders.length) make("p", "", grid, "No name is true of the held-out faces of this model.");
  button(bend.node, "As it was", () => { moved.clear(); act({ kind: "as it was" }); });

  // --- a walk
  const way = section(inner, "xf-walk", "A walk between faces");
  const controls = make("div", "xp-row", way.node);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let walk, timer = 0, at = 0;
  const playing = () => timer !== 0;
  const step = () => still.matches ? walk.each : 1;
  const show = number => {
    at = number % walk.frames;
    const from = Math.floor(at / walk.each), share = Math.round(100 * (at % walk.each) / walk.each);
    const to = walk.stops[(from + 1) % walk.stops.length];
    const words = share ? `${share} % of the way from ${walk.stops[from]} to ${to}` : walk.stops[from];
    moving.paint(walk.pixels, words, at);
    beside.paint(walk.nearest, `Training face ${walk.rows[at]}, nearest to it`, at);
    place.set(at);
  };
  const halt = () => {
    clearInterval(timer); timer = 0; play.textContent = "Play the walk";
    play.setAttribute("aria-pressed", "false");
  };
  const run = () => {
    clearInterval(timer);
    timer = setInterval(() => show(at - at % step() + step()), still.matches ? STILL : FRAME);
    play.textContent = "Pause the walk"; play.setAttribute("aria-pressed", "true");
  };
  const play = button(controls, "Play the walk", () => {
    if (playing()) halt(); else if (walk) run(); else act({ kind: "walk" });
  });
  play.setAttribute("aria-pressed", "false");
  const seen = make("div", "xp-pictures", way.node);
  const moving = picture(seen, "The walk", page.shape);
  const beside = picture(seen, "Training face nearest to it", page.shape);
  const place = slider(way.node, "Place on the walk", { min: 0, max: 1, step: 1, value: 0 },
    value => walk ? `picture ${value + 1} of ${walk.frames}` : "", value => { halt(); show(value); });
  seen.hidden = place.label.hidden = true;
  const changed = () => { if (playing()) run(); };
  still.addEventListener("change", changed);
  const forget = () => {  // the walk began at another face
    halt(); walk = undefined; at = 0; seen.hidden = place.label.hidden = true;
  };
  document.addEventListener(SILENCE_EVENT, halt);

  // --- what the kernel answers
  const receive = (content, buffers) => {
    if (content.kind === "shown") {
      drawn.paint(buffers[0], `${content.caption}, as the model draws it`);
      nearest.paint(buffers[1], `Nearest to it: ${content.nearest}`);
      near.textContent = content.nearest;
      original.figure.hidden = buffers.length < 3;
      if (buffers.length > 2) original.paint(buffers[2], `${content.name}, as the model is given it`);
      if (!content.changed) moved.clear();
      sliders.forEach((each, i) => { if (!waits() || !moved.has(i)) each.set(content.values[i]); });
      own.textContent = content.name; own.hidden = content.known !== null;
      which.value = content.known ?? "";
      remark.textContent = content.remark;
      forget();
      say(content.said);
    } else if (content.kind === "walk") {
      walk = { ...content, pixels: buffers[0], nearest: buffers[1],
        each: content.frames / content.stops.length };
      place.input.max = walk.frames - 1;
      seen.hidden = place.label.hidden = false;
      show(0); run(); say(content.said);
    } else if (content.kind === "refused") refuse(content.said);
    else say(content.said);
    next();
  };
  model.on("msg:custom", receive);
  act({ kind: "ready" });
  const unwatch = watchComputer(model, el);
  return () => {
    unwatch(); model.off("msg:custom", receive); halt(); files.end();
    document.removeEventListener(SILENCE_EVENT, halt); still.removeEventListener("change", changed);
  };
}
export default { render };
