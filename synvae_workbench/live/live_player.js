// Draws the notes that live_player.py sends, plays their sound, and offers both to be saved.
const ROWS = 18;  // a note is at least one of so many rows high: notes of one melody never overlap
const BAR = 16, NARROW = 560;  // steps; pixels below which a line has four bars, else eight
const LABEL = .2;  // of the height, above the notes, for the labels of sections
const PAUSE = 250;  // milliseconds without a change before sheet music is drawn again


function render({ model, el }) {
  const root = make("figure", "live-player", el), caption = make("figcaption", "", root);
  const name = make("strong", "", caption), count = make("span", "", caption);
  const roll = make("div", "lp-roll", root), row = make("div", "lp-row", root);
  const audio = make("audio", "live-audio", row);
  const links = ["mid", "wav"].map(kind => {
    const link = make("a", `live-${kind}`, row, kind === "mid" ? "Save MIDI" : "Save WAV");
    link.dataset.kind = kind;
    return link;
  });
  const score = button(row, "Save MusicXML", () => model.send({ kind: "music xml" }),
    "notes for MuseScore and other notation programs");
  score.className = "live-musicxml";
  const sheet = make("details", "lp-sheet", root);
  make("summary", "", sheet, "Sheet music");
  const engraved = make("img", "", sheet);
  const status = make("p", "lp-status", root);
  root.hidden = true;
  keepKeys(root);
  roll.setAttribute("role", "img"); status.setAttribute("role", "status");
  audio.controls = true; audio.preload = "auto";

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let head, lines = [], across = 1, shown, notes = [], urls = [], frame = 0, waiting = 0;
  const follow = () => {
    const { steps, seconds } = shown, at = audio.currentTime / seconds * steps;
    // without motion it stands at the beginning of each bar
    const place = Math.min(steps, still.matches ? BAR * Math.floor(at / BAR) : at);
    const line = lines[Math.min(lines.length - 1, Math.floor(place / across))];
    if (head.parentNode !== line.node) line.node.append(head);
    head.style.left = `${100 * (place - line.start) / (line.end - line.start)}%`;
    for (const { start, end, node } of notes)
      node.classList.toggle("lp-sounds", !audio.paused && start <= at && at < end);
    cancelAnimationFrame(frame);
    if (!audio.paused) frame = requestAnimationFrame(follow);
  };
  /** Steps of a line: as many bars as fit, and lines as long as each other. */
  const fitting = steps => {
    const bars = steps / BAR, most = root.clientWidth < NARROW ? 4 : 8;
    return bars > most ? BAR * Math.ceil(bars / Math.ceil(bars / most)) : steps;
  };
  const draw = () => {
    const { steps, notes: all } = shown, pitches = all.map(note => note[2]);
    const low = Math.min(LOW, ...pitches) - 1, range = Math.max(HIGH, ...pitches) + 2 - low;
    const span = shown.sections.length ? range / (1 - LABEL) : range;
    const height = Math.max(1 / span, 1 / ROWS);
    across = fitting(steps);
    roll.replaceChildren(); notes = []; lines = [];
    for (let from = 0; from < steps; from += across) {
      const to = Math.min(steps, from + across), node = make("div", "lp-line synvae-roll", roll);
      lines.push({ node, start: from, end: to });
      node.style.width = `${100 * (to - from) / across}%`;
      node.style.setProperty("--beats", (to - from) / 4);
      node.style.setProperty("--bars", (to - from) / BAR);
      for (let pitch = 12 * Math.ceil(low / 12); pitch < low + range; pitch += 12)
        make("span", "lp-octave", node, `C${pitch / 12 - 1}`).style.bottom =
          `${100 * (pitch + .5 - low) / span}%`;
      const left = step => 100 * (Math.min(to, Math.max(from, step)) - from) / (to - from);
      for (const [start, end, pitch] of all.filter(note => note[0] < to && from < note[1])) {
        const one = make("span", "lp-note", node);
        Object.assign(one.style, {
          background: colour(pitch), left: `${left(start)}%`, height: `${100 * height}%`,
          bottom: `${100 * ((pitch + .5 - low) / span - height / 2)}%`,
          width: `calc(${left(end) - left(start)}% - 2px)`,
        });
        notes.push({ start, end, node: one });
      }
    }
    for (const [i, label] of shown.sections.entries()) {
      const at = i * steps / shown.sections.length, line = lines[Math.floor(at / across)];
      make("span", "lp-section", line.node, label).style.left =
        `${100 * (at - line.start) / (line.end - line.start)}%`;
    }
    roll.classList.toggle("lp-lines", lines.length > 1);
    roll.classList.toggle("lp-sections", shown.sections.length > 0);
    head = make("span", "lp-head", roll);
    follow();
  };
  const resized = new ResizeObserver(() => {
    if (shown && !root.hidden && fitting(shown.steps) !== across) draw();
  });
  resized.observe(root);
  const write = () => {  // at the width that is there; nothing while it is closed
    clearTimeout(waiting);
    if (sheet.open) model.send({ kind: "sheet", width: Math.floor(sheet.clientWidth) });
  };
  sheet.addEventListener("toggle", write);
  const stop = () => {
    audio.pause();
    for (const url of urls) URL.revokeObjectURL(url);
    urls = [];
  };
  const show = (content, buffers) => {
    stop();
    urls = ["audio/wav", "audio/midi"].map((type, i) =>
      URL.createObjectURL(new Blob([buffers[i]], { type })));
    shown = content;
    clearTimeout(waiting); waiting = setTimeout(write, PAUSE);
    name.textContent = content.label; count.textContent = content.count;
    status.textContent = "";
    roll.setAttribute("aria-label", content.words);
    audio.setAttribute("aria-label", content.label);
    for (const link of links) {
      link.href = urls[link.dataset.kind === "wav" ? 0 : 1];
      link.download = `${content.file}.${link.dataset.kind}`;
    }
    root.hidden = false;
    [audio.src] = urls;
    draw();  // when it has a width
    if (content.play) audio.play().catch(error => {
      if (error.name === "NotAllowedError") status.textContent = "Press play to hear it.";
    });
  };
  const clear = () => {
    stop(); clearTimeout(waiting); audio.removeAttribute("src"); audio.load(); root.hidden = true;
  };

  audio.addEventListener("play", () => {
    pauseOthers(audio);
    status.textContent = "";
  });
  for (const event of ["play", "pause", "seeked", "ended"]) audio.addEventListener(event, follow);
  roll.addEventListener("pointerdown", event => {  // the same as the bar of the player
    const line = lines.find(({ node }) => node.contains(event.target));
    if (!line) return;
    const box = line.node.getBoundingClientRect(), share = (event.clientX - box.left) / box.width;
    const step = line.start + share * (line.end - line.start);
    audio.currentTime = shown.seconds * step / shown.steps;
  });
  const receive = (content, buffers) => {
    if (content.kind === "show") show(content, buffers);
    else if (content.kind === "music xml") {
      const type = "application/vnd.recordare.musicxml+xml", link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([buffers[0]], { type }));
      link.download = `${shown.file}.musicxml`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } else if (content.kind === "sheet") {  // an image runs no script and fetches nothing
      URL.revokeObjectURL(engraved.src);
      engraved.src = URL.createObjectURL(new Blob([buffers[0]], { type: "image/svg+xml" }));
      engraved.alt = content.words;
    } else clear();
  };
  model.on("msg:custom", receive);
  model.send({ kind: "ready" });
  return () => { model.off("msg:custom", receive); stop(); cancelAnimationFrame(frame);
    resized.disconnect(); clearTimeout(waiting); };
}
export default { render };
