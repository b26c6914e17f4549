// What all live pages begin with: elements, the keys, and the colours of notes.
const LOW = 55, HIGH = 84;  // pitches that a roll always has room for, so that it seldom jumps

// A finger is all that one has: nothing is said of keys there, nor of dropping files.
const touch = matchMedia("(hover: none) and (pointer: coarse)");
const byHand = (keys, finger) => touch.matches ? finger : keys;

const make = (tag, name, parent, text = "") => {
  const node = document.createElement(tag);
  node.className = name; node.textContent = text; parent.append(node);
  return node;
};
/** A button that calls `press`. */
const button = (parent, text, press, title = "") => {
  const node = make("button", "", parent, text);
  node.type = "button"; node.title = title; node.addEventListener("click", press);
  return node;
};
/** A labelled part of a page under its heading. */
const section = (parent, name, title) => {
  const node = make("section", name, parent), head = make("h2", "", node, title);
  node.setAttribute("aria-label", title);
  return { node, head };
};
/** JupyterLab would take arrows, space and letters for its own shortcuts. It asks first the element
 * that has the focus, and some of these match there already. */
const keepKeys = root => root.addEventListener("focusin", ({ target }) => {
  target.dataset.lmSuppressShortcuts = "true";
});
/** Pauses every player of the document but `kept`. */
const pauseOthers = kept => {
  for (const audio of document.querySelectorAll("audio")) if (audio !== kept) audio.pause();
};
/** Starts a sound. That another one takes its place before it is heard is no error. */
const startSound = audio => audio.play().catch(error => {
  if (error.name !== "AbortError") throw error;
});
// Escape is silence, wherever the focus is; what sounds without a player listens for the event. Once
// in a document, however many widgets are there.
const SILENCE_EVENT = "synvae-silence";
if (!("synvaeEscape" in document.documentElement.dataset)) {
  document.documentElement.dataset.synvaeEscape = "";
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") { pauseOthers(); document.dispatchEvent(new Event(SILENCE_EVENT)); }
  }, true);
}
/** Names what belongs together, and keeps its keys. Space, which does nothing on a slider, and on a
 * picture of a list has Enter beside it, pauses the melody in place and goes on with it. */
const asGroup = (root, title) => {
  root.setAttribute("role", "group"); root.setAttribute("aria-label", title);
  keepKeys(root);
  for (const name of ["keydown", "keyup"])
    root.addEventListener(name, event => {
      const audio = root.querySelector(".live-player audio[src]");
      if (event.key !== " " || !audio || !event.target.matches("[type=range], [role=option]")) return;
      event.preventDefault();
      if (name === "keydown") audio.paused ? startSound(audio) : audio.pause();
    });
};
// What a refusal stands below: the row of its control, or the control itself.
const ROW = ".em-row, .em-sound, .em-slider, .ex-row, .ex-sound, .ex-slider, .kb-row, .lt-row, "
  + ".lt-consent, .rc-row, .xl-corner .xp-file, .xp-row, .xp-slider, fieldset";
/** Says why something is refused: beside the control that was used last, in view, as an alert, until
 * `clear`; without a control, above `last`. */
const besideControls = (root, last) => {
  let cause, note;
  const used = control => { cause = control; };
  for (const event of ["pointerdown", "keydown", "change", "input"])
    root.addEventListener(event, ({ target }) => used(target), true);
  const clear = () => { note?.remove(); note = undefined; };
  const refuse = text => {
    clear();
    note = document.createElement("p");
    note.className = "synvae-refused"; note.setAttribute("role", "alert"); note.textContent = text;
    const control = cause?.isConnected ? cause.closest(`${ROW}, button, input, select`) : null;
    if (control && root.contains(control)) (control.closest(ROW) ?? control).after(note);
    else last.before(note);
    note.scrollIntoView({ block: "nearest" });
  };
  return { clear, refuse, used };
};
/** Low notes are violet, high ones orange, all of one lightness, to be seen on light and on dark. */
const colour = pitch => {
  const share = Math.max(0, Math.min(1, (pitch - LOW) / (HIGH - LOW)));
  return `oklch(0.62 0.19 ${(295 + 125 * share) % 360})`;
};
/** Fills a select with General MIDI's instruments, in its groups, and chooses the page's own. */
const fillInstruments = (program, page) => {
  let number = 0;
  for (const [family, instruments] of page.instruments) {
    const options = make("optgroup", "", program);
    options.label = family;
    for (const each of instruments) make("option", "", options, each).value = number++;
  }
  program.value = page.program;
};
/** Says that the page is lost, once its kernel has ended or cannot be reached any more; gives what
 * ends the watch. A short interruption, after which the kernel is still there, is nothing to say. */
const AWAY = 3000;  // milliseconds
const ENDED = ["dead", "restarting", "autorestarting", "terminating"];
const watchComputer = (model, el) => {
  const { kernel } = model.widget_manager, served = document.body.classList.contains("ex-page");
  const alert = make("div", "synvae-lost", el);
  el.prepend(alert);
  alert.setAttribute("role", "alert");
  let ended = false, away;
  const say = () => {
    // of several parts of a page, which lose it together, one says so
    if (document.querySelector(".ex-page .synvae-lost :first-child") || alert.firstChild) return;
    make("span", "", alert, "This page has lost its computer; "
      + (served ? "reload." : "run its cells again."));
    if (served) button(alert, "Reload", () => location.reload());
  };
  const look = () => {
    ended ||= kernel.isDisposed || ENDED.includes(kernel.status);
    if (ended) say();
    else if (kernel.connectionStatus !== "connected") away ??= setTimeout(say, AWAY);
    else { clearTimeout(away); away = undefined; alert.replaceChildren(); }
  };
  const signals = [kernel.statusChanged, kernel.connectionStatusChanged, kernel.disposed];
  for (const signal of signals) signal.connect(look);
  return () => {
    clearTimeout(away);
    for (const signal of signals) signal.disconnect(look);
  };
};
