// Draws the notes that live_player.py sends, plays their sound, and offers both to be saved.
const ROWS = 18;  // a note is at least one of so many rows high: notes of one melody never overlap


function render({ model, el }) {
  const root = make("figure", "live-player", el), caption = make("figcaption", "", root);
  const name = make("strong", "", caption), count = make("span", "", caption);
  const roll = make("div", "lp-roll synvae-roll", root), row = make("div", "lp-row", root);
  const audio = make("audio", "live-audio", row);
  const links = ["mid", "wav"].map(kind => {
    const link = make("a", `live-${kind}`, row, kind === "mid" ? "Save MIDI" : "Save WAV");
    link.dataset.kind = kind;
    return link;
  });
  const status = make("p", "lp-status", root);
  root.hidden = true;
  keepKeys(root);
  roll.setAttribute("role", "img"); status.setAttribute("role", "status");
  audio.controls = true; audio.preload = "auto";

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let head, steps = 1, seconds = 1, notes = [], urls = [], frame = 0;
  const follow = () => {
    const at = audio.currentTime / seconds * steps;
    head.style.left = `${100 * Math.min(1, (still.matches ? Math.floor(at) : at) / steps)}%`;
    for (const { start, end, node } of notes)
      node.classList.toggle("lp-sounds", !audio.paused && start <= at && at < end);
    cancelAnimationFrame(frame);
    if (!audio.paused) frame = requestAnimationFrame(follow);
  };
  const draw = content => {
    roll.replaceChildren();
    ({ steps, seconds } = content);
    const pitches = content.notes.map(note => note[2]);
    const low = Math.min(LOW, ...pitches) - 1, span = Math.max(HIGH, ...pitches) + 2 - low;
    roll.style.setProperty("--beats", steps / 4);
    roll.style.setProperty("--bars", steps / 16);
    for (let pitch = 12 * Math.ceil(low / 12); pitch < low + span; pitch += 12)
      make("span", "lp-octave", roll, `C${pitch / 12 - 1}`).style.bottom =
        `${100 * (pitch + .5 - low) / span}%`;
    const height = Math.max(1 / span, 1 / ROWS);
    notes = content.notes.map(([start, end, pitch]) => {
      const node = make("span", "lp-note", roll);
      Object.assign(node.style, {
        background: colour(pitch), left: `${100 * start / steps}%`, height: `${100 * height}%`,
        bottom: `${100 * ((pitch + .5 - low) / span - height / 2)}%`,
        width: `calc(${100 * (end - start) / steps}% - 2px)`,
      });
      return { start, end, node };
    });
    head = make("span", "lp-head", roll);
  };
  const stop = () => {
    audio.pause();
    for (const url of urls) URL.revokeObjectURL(url);
    urls = [];
  };
  const show = (content, buffers) => {
    stop();
    urls = ["audio/wav", "audio/midi"].map((type, i) =>
      URL.createObjectURL(new Blob([buffers[i]], { type })));
    draw(content);
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
    if (content.play) audio.play().catch(error => {
      if (error.name === "NotAllowedError") status.textContent = "Press play to hear it.";
    });
  };
  const clear = () => { stop(); audio.removeAttribute("src"); audio.load(); root.hidden = true; };

  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    status.textContent = "";
  });
  for (const event of ["play", "pause", "seeked", "ended"]) audio.addEventListener(event, follow);
  roll.addEventListener("pointerdown", event => {  // the same as the bar of the player
    const box = roll.getBoundingClientRect();
    audio.currentTime = seconds * (event.clientX - box.left) / box.width;
  });
  const receive = (content, buffers) => {
    if (content.kind === "show") show(content, buffers); else clear();
  };
  model.on("msg:custom", receive);
  model.send({ kind: "ready" });
  return () => { model.off("msg:custom", receive); stop(); cancelAnimationFrame(frame); };
}
export default { render };
