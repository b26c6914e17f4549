// What pages of screens share, of which the kernel says the next one: a listening test, lessons.

const token = () => [...crypto.getRandomValues(new Uint8Array(16))]
  .map(byte => byte.toString(16).padStart(2, "0")).join("");

/**
 * Makes a page of screens in `el`. A screen fills `ui.body`, and puts into `ui.at`, which is new for
 * each, what its keys do: `space`, `enter`, `number`, letters, and `hint`, which says so. `shown` is
 * told of each screen.
 */
const screenPage = ({ model, el, title, shown = () => {} }) => {
  const page = token(), root = make("div", "listening", el);
  root.tabIndex = -1;  // a click anywhere in it brings the keys here
  asGroup(root, title);
  const head = make("div", "lt-head", root), name = make("span", "lt-title", head, title);
  const loud = make("label", "lt-volume", head, "Volume "), volume = make("input", "", loud);
  Object.assign(volume, { type: "range", min: 0, max: 1, step: 0.05, value: 0.8 });
  const progress = make("progress", "", root), body = make("div", "lt-body", root);
  const status = make("p", "lt-status", root), keys = make("p", "lt-keys", root);
  status.setAttribute("role", "status");  // a polite live region
  const audio = make("audio", "live-audio", root);
  const ui = { root, body, audio, title: name, at: {}, screens: {} };

  let waiting = false, urls = [], player;
  const say = text => { status.textContent = text; };
  const { refuse, clear: forget } = besideControls(root, status);
  const idle = () => { waiting = false; delete root.dataset.busy; };
  const tell = (kind, values) => model.send({ page, kind, ...values });
  /** Sends a move, one at a time. */
  const ask = (kind, values) => {
    if (waiting) return;
    root.dataset.busy = "";
    waiting = true;
    tell(kind, values);
  };

  const press = (name, parent, text, act, key = "") => {
    const node = button(parent, text, act);
    node.className = name; node.removeAttribute("title");
    if (key) make("kbd", "", node, key).setAttribute("aria-hidden", "true");
    return node;
  };
  const heading = text => {
    const node = make("h2", "", body, text);
    node.tabIndex = -1;
    return node;
  };
  const paragraph = (text, name = "") => text && make("p", name, body, text);
  const url = (bytes, type) => {
    urls.push(URL.createObjectURL(new Blob([bytes], { type })));
    return urls.at(-1);
  };
  const picture = (parent, bytes, alt) => {
    const image = make("img", "", parent);
    image.alt = alt; image.src = url(bytes, "image/png");
    // Of a PNG this byte says what its pixels are: grey with alpha is ink, see screens.py.
    image.classList.toggle("lt-ink", new DataView(bytes.buffer, bytes.byteOffset).getUint8(25) === 4);
  };
  /** A row of radio buttons; calls back with the place that is chosen. */
  const choices = (legend, name, options, fill, chosen) => {
    const set = make("fieldset", name, body);
    make("legend", "", set, legend);
    const row = make("div", "lt-row", set), group = token();
    return options.map((option, place) => {
      const label = make("label", "", row), radio = make("input", "", label);
      Object.assign(radio, { type: "radio", name: group, value: place });
      radio.addEventListener("change", () => chosen(place));
      fill(label, option, place);
      return () => { radio.checked = true; radio.focus(); chosen(place); };
    });
  };
  /** Radio buttons with a picture each, chosen by its number too. */
  const pictureChoices = (names, pictures, chosen) =>
    choices("Which picture was this melody made from?", "lt-pictures", names,
      (label, name, index) => {
        picture(label, pictures[index], `Picture ${index + 1}, of ${name}`);
        make("kbd", "", label, index + 1).setAttribute("aria-hidden", "true");
      }, chosen);

  /** Whether a sound stands before its end, to be gone on with. */
  const held = () => Boolean(player?.node.isConnected) && audio.paused && !audio.ended
    && audio.currentTime > 0;
  /** Plays, pauses in place, or goes on, which is still the same play. `who` has a button, a sound
   * and counts its plays. */
  const toggle = async who => {
    if (player === who && !audio.paused) { audio.pause(); return; }
    const goesOn = player === who && held();
    pauseOthers(audio);
    if (!goesOn) { audio.pause(); ended(); player = who; audio.src = who.sound; }
    audio.volume = volume.value;
    try { await audio.play(); } catch (error) {
      if (error.name !== "AbortError")
        refuse("The browser cannot play this sound; press the button again.");
      return;
    }
    if (goesOn) return;
    who.plays += 1; forget(); say(""); who.onPlay?.();
  };
  const moving = () => {
    player?.node.style.setProperty("--done", audio.duration ? audio.currentTime / audio.duration : 0);
    if (!audio.paused) requestAnimationFrame(moving);
  };
  const ended = () => { player?.node.removeAttribute("data-playing"); moving(); };
  audio.addEventListener("playing", () => {
    if (player) { player.node.dataset.playing = ""; moving(); }
  });
  audio.addEventListener("pause", ended); audio.addEventListener("ended", ended);
  volume.addEventListener("input", () => { audio.volume = volume.value; });
  const playing = () => Boolean(player?.node.isConnected) && !audio.paused;
  /** Pauses what plays, or goes on with what was paused; false if there is neither. */
  const pauseOrGoOn = () => {
    if (!playing() && !held()) return false;
    toggle(player);
    return true;
  };
  const playButton = (text, sound, onPlay) => {
    const who = { sound, plays: 0, onPlay };
    who.node = press("lt-play", body, "", () => toggle(who));
    make("span", "lt-icon", who.node); make("span", "", who.node, text);
    make("kbd", "", who.node, "space").setAttribute("aria-hidden", "true");
    return who;
  };
  const primary = (text, act, parent = body) => {
    ui.at.enter = act;
    return press("lt-go", parent, text, act, "Enter");
  };

  const hint = () => { 
    keys.textContent = byHand(ui.at.hint ?? "Keys: Tab moves, Enter goes on", ui.at.taps ?? ""); };
  const show = (content, buffers) => {
    const mine = root.contains(document.activeElement);
    audio.pause(); player = undefined;
    for (const old of urls.splice(0)) URL.revokeObjectURL(old);
    forget(); body.replaceChildren(); root.dataset.screen = content.screen; ui.at = {};
    shown(content);
    progress.hidden = content.of === undefined;
    progress.setAttribute("aria-label", "step" in content ? "Sounds shown" : "Questions answered");
    progress.max = content.of ?? 1; progress.value = content.task ?? content.step ?? 0;
    ui.screens[content.screen](content, buffers);
    loud.hidden = !body.querySelector(".lt-play, .lt-example");
    hint();
    if (mine) { body.firstChild.focus({ preventScroll: true }); root.scrollIntoView({ block:
      "nearest" }); }
  };
  const told = (content, buffers) => {
    if (content.to !== page) return;  // another tab's
    if (content.example !== undefined) { ui.at.sound?.(content.example, buffers[0]); return; }
    if (content.screen || content.refused) idle();
    if (content.screen) show(content, buffers);
    if (content.refused) refuse(content.said);
    else if (content.said !== undefined && content.screen !== "moved") { forget(); say(content.said); }
  };
  model.on("msg:custom", told);

  root.addEventListener("keydown", event => {
    event.stopPropagation();
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const on = event.target, { key } = event;
    let act;
    if (key === " ") {  // buttons, the box and a radio that is not chosen yet have their own
      if (!on.matches("button:not(.lt-play), a, [type=checkbox], [type=radio]:not(:checked)"))
        act = ui.at.space;
    } else if (key === "Enter") act = on.matches("button:not(.lt-play), a") ? undefined : ui.at.enter;
    else if (/^[1-9]$/.test(key)) act = ui.at.number && (() => ui.at.number(Number(key)));
    else if (/^[a-z]$/i.test(key)) act = ui.at[key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    if (!event.repeat) act();
  });
  paragraph("Getting ready …");
  const unwatch = watchComputer(model, el);
  const close = () => { unwatch(); model.off("msg:custom", told); audio.pause();
    for (const old of urls) URL.revokeObjectURL(old); };
  return Object.assign(ui, { say, refuse, tell, ask, press, heading, paragraph, url, picture,
    choices, pictureChoices, toggle, pauseOrGoOn, playButton, primary, hint, close });
};
