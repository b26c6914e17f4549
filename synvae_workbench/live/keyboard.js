// A piano that sounds at once; each key goes to the kernel, which says what a melody is then: see
// keyboard.py.
const WHITE = [0, 2, 4, 5, 7, 9, 11], KEYS = 25, OCTAVE = 12, LOWEST = 24, HIGHEST = 84;
const NAMES = ["C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B"];
// Two rows of the computer's keyboard, by place and not by letter, from the lowest key on.
const PLACES = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU",
  "KeyJ", "KeyK", "KeyO", "KeyL", "KeyP", "Semicolon", "Quote"];
const LENGTHS = [[1, "1/16"], [2, "1/8"], [3, "1/8 dotted"], [4, "1/4"], [6, "1/4 dotted"],
  [8, "1/2"], [16, "1/1"]];
const TAIL = 0.4;  // seconds that a released key sounds on

const spoken = pitch => `${NAMES[pitch % 12]} ${Math.floor(pitch / 12) - 1}`;

/** A plucked sound for each key, and clicks for the beats, without waiting for anybody. */
const makeSynth = () => {
  let context;
  const now = () => {
    context ??= new AudioContext({ latencyHint: "interactive" });
    if (context.state === "suspended") context.resume();
    return context.currentTime;
  };
  const tone = (type, frequency, level, at, seconds) => {
    const source = context.createOscillator(), gain = context.createGain();
    source.type = type; source.frequency.value = frequency;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(level, at + .004);
    gain.gain.exponentialRampToValueAtTime(1e-4, at + seconds);
    source.connect(gain).connect(context.destination);
    source.start(at); source.stop(at + seconds);
    return { source, gain };
  };
  return {
    now,
    press: pitch => {
      const at = now(), frequency = 440 * 2 ** ((pitch - 69) / 12);
      const parts = [tone("triangle", frequency, .3, at, 2.5), tone("sine", 2 * frequency, .07, at, 1)];
      return () => {
        const until = context.currentTime;
        for (const { source, gain } of parts) {
          gain.gain.cancelScheduledValues(until);
          gain.gain.setTargetAtTime(0, until, TAIL / 6);
          source.stop(until + TAIL);
        }
      };
    },
    click: (at, first) => tone("square", first ? 1600 : 1100, .06, at, .05).source,
    close: () => context?.close(),
  };
};

function render({ model, el }) {
  const root = make("div", "keyboard", el), steps = model.get("steps"), synth = makeSynth();
  asGroup(root, "Tap a melody");
  let slots = {}, canUndo = false;  // as the kernel has them
  let slot = "A", lowest = 60, focus = 60, take;
  const held = new Map();  // what is pressed: by pointer or place, the pitch and how to let it go

  // --- what to tap into, and how
  const top = make("div", "kb-row", root);
  const group = (name, choices, choose) => {
    const box = make("span", "kb-group", top);
    box.setAttribute("role", "group"); box.setAttribute("aria-label", name);
    make("span", "kb-name", box, name);
    const items = choices.map(([value, text, title]) => {
      const item = button(box, text, () => choose(value), title);
      item.dataset.value = value;
      return item;
    });
    return to => {
      for (const item of items) item.setAttribute("aria-pressed", item.dataset.value === `${to}`);
    };
  };
  const markSlot = group("Into", [["A", "A", "Melody A"], ["B", "B", "Melody B"]], to => {
    stop(false); slot = to; markSlot(to); draw();
  });
  let length = 2;
  const lengths = make("label", "kb-name", top, "Note "), pick = make("select", "", lengths);
  for (const [value, text] of LENGTHS) make("option", "", pick, text).value = value;
  pick.value = length;
  pick.addEventListener("change", () => { length = +pick.value; });
  const rest = button(top, "Rest", () => add(null), "A silence of that length (space bar)");
  const undo = button(top, "Undo", () => { stop(false); model.send({ kind: "undo" }); },
    "Take the last change back, whatever it was (backspace)");
  const clear = button(top, "Clear", () => { stop(false); model.send({ kind: "clear", slot }); });
  const record = button(top, "Play in time", () => { if (take) stop(true); else start(); },
    "A bar is counted in; then play along with the beats");
  record.classList.add("kb-record");
  const beats = make("span", "kb-beats", top);
  for (let i = 0; i < 4; i++) make("span", "", beats);
  beats.setAttribute("aria-hidden", "true");
  const roll = make("div", "kb-roll synvae-roll", root);
  roll.setAttribute("role", "img");
  roll.style.setProperty("--beats", steps / 4); roll.style.setProperty("--bars", steps / 16);

  // --- the melody so far
  const place = (node, start, until, pitch) => {
    const low = LOW - 8, span = HIGH + 8 - low;
    Object.assign(node.style, { left: `${100 * start / steps}%`, background: colour(pitch),
      width: `calc(${100 * (until - start) / steps}% - 1px)`,
      bottom: `${Math.max(0, Math.min(94, 100 * (pitch - low) / span))}%` });
  };
  const draw = () => {
    const held = slots[slot];
    if (!held || take) return;
    roll.replaceChildren();
    for (const note of held.notes) place(make("span", "", roll), ...note);
    make("i", "", roll).style.left = `${100 * held.end / steps}%`;
    roll.setAttribute("aria-label", `Melody ${slot}, ${held.name}: ${held.count}, `
      + `${held.end} of ${steps} sixteenths`);  // its notes are told above, in its card
    undo.disabled = !canUndo; clear.disabled = !held.end;
  };
  const add = pitch => model.send({ kind: "key", slot, pitch, length });  // or a rest: null

  // --- in time: a bar is counted in, then the taps are kept until the bars are over
  const start = () => {
    const qpm = model.get("qpm"), beat = 60 / qpm, zero = synth.now() + .15 + 4 * beat;
    pauseOthers();
    take = { taps: [], qpm, zero, clicks: [] };
    for (let i = -4; i < steps / 4; i++)
      take.clicks.push(synth.click(zero + i * beat, i % 4 === 0));
    record.textContent = "Stop"; root.dataset.take = "";
    say("Counting in …"); keys.get(focus).focus();
    follow();
  };
  const follow = () => {
    if (!take) return;
    const at = (synth.now() - take.zero) * take.qpm / 60, beat = Math.floor(at);
    for (const [i, dot] of [...beats.children].entries())
      dot.dataset.now = beat >= -4 && (beat + 4) % 4 === i ? (beat < 0 ? "in" : "on") : "";
    roll.replaceChildren();
    const shown = Math.max(0, at) * 4;
    for (const tap of take.taps)
      place(make("span", "", roll), Math.max(0, tap.step), Math.min(steps, tap.until ?? shown), tap.pitch);
    make("i", "", roll).style.left = `${100 * Math.min(1, shown / steps)}%`;
    if (at >= steps / 4) stop(true); else requestAnimationFrame(follow);
  };
  const stop = keep => {
    if (!take) return;
    for (const [key] of held) release(key);
    const { taps, qpm, clicks, zero } = take, per = qpm / 15;
    for (const click of clicks) try { click.stop(); } catch { /* it has ended by itself */ }
    take = undefined;
    record.textContent = "Play in time"; delete root.dataset.take;
    for (const dot of beats.children) dot.dataset.now = "";
    if (keep && taps.length) {
      const late = (synth.now() - zero);
      model.send({ kind: "taps", slot, qpm,
        taps: taps.map(tap => [tap.step / per, (tap.until ?? late * per) / per, tap.pitch]) });
    } else { draw(); say(keep ? "Nothing was played." : ""); }
  };

  // --- the keys
  const row = make("div", "kb-row kb-low", root);
  const narrow = matchMedia("(max-width: 40rem)");  // room for one octave of wide keys, as in the CSS
  const count = () => narrow.matches ? OCTAVE : KEYS, highest = () => lowest + count() - 1;
  const shift = by => {
    lowest = Math.max(LOWEST, Math.min(HIGHEST, lowest + by));
    focus += by;
    build(); say(`From ${spoken(lowest)} to ${spoken(highest())}`);
  };
  button(row, "◂", () => shift(-12), "An octave lower (Z)").setAttribute("aria-label",
    "An octave lower");
  const piano = make("div", "kb-piano", row);
  button(row, "▸", () => shift(12), "An octave higher (X)").setAttribute("aria-label",
    "An octave higher");
  piano.setAttribute("role", "group");
  let keys = new Map();
  const build = () => {
    for (const [key] of held) release(key);
    piano.replaceChildren(); keys = new Map();
    focus = Math.max(lowest, Math.min(highest(), focus));
    piano.setAttribute("aria-label", `Piano, ${spoken(lowest)} to ${spoken(highest())}. `
      + "Arrows move from key to key, the letters of two rows play.");
    let white = 0;
    const whites = narrow.matches ? 7 : 15;
    piano.style.setProperty("--whites", whites);
    for (let pitch = lowest; pitch <= highest(); pitch++) {
      const black = !WHITE.includes(pitch % 12), key = make("button", black ? "kb-black" : "", piano);
      Object.assign(key, { type: "button", tabIndex: pitch === focus ? 0 : -1 });
      key.setAttribute("aria-label", spoken(pitch)); key.dataset.pitch = pitch;
      key.style.left = `${100 * (white - (black ? .31 : 0)) / whites}%`;
      if (!black) white++;
      const letter = PLACES[pitch - lowest]?.replace("Key", "");
      make("kbd", "", key, letter ? { Semicolon: ";", Quote: "'" }[letter] ?? letter : "");
      // drawn by the style: beside the name, which says it in another way, it is no text
      if (pitch % 12 === 0) make("small", "", key).dataset.octave = `C${pitch / 12 - 1}`;
      keys.set(pitch, key);
    }
  };
  const press = (key, pitch) => {
    if (held.has(key)) return;
    const step = take && (synth.now() - take.zero) * take.qpm / 15;
    pauseOthers();
    const tap = take && step > -1 ? { step, pitch } : undefined;  // just before the one counts
    held.set(key, { pitch, tap, off: synth.press(pitch) });
    keys.get(pitch)?.setAttribute("data-down", "");
    if (tap) take.taps.push(tap);
    else if (!take) add(pitch);
  };
  const release = key => {
    const { pitch, tap, off } = held.get(key) ?? {};
    if (!off) return;
    held.delete(key); off();
    if (tap && take) tap.until = Math.max(tap.step, (synth.now() - take.zero) * take.qpm / 15);
    if (![...held.values()].some(each => each.pitch === pitch))
      keys.get(pitch)?.removeAttribute("data-down");
  };
  const move = to => {
    focus = Math.max(lowest, Math.min(highest(), to));
    for (const [pitch, key] of keys) key.tabIndex = pitch === focus ? 0 : -1;
    keys.get(focus).focus();
  };
  piano.addEventListener("pointerdown", event => {
    const key = event.target.closest("button");
    if (!key) return;
    event.preventDefault(); move(+key.dataset.pitch);
    piano.setPointerCapture(event.pointerId); press(event.pointerId, +key.dataset.pitch);
  });
  for (const over of ["pointerup", "pointercancel", "lostpointercapture"])
    piano.addEventListener(over, event => release(event.pointerId));
  piano.addEventListener("click", event => {  // of a screen reader, which presses no pointer
    const key = event.target.closest("button");
    if (key && event.detail === 0 && !held.size) {
      press("click", +key.dataset.pitch); setTimeout(() => release("click"), 200);
    }
  });
  root.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === pick) return;
    const place = PLACES.indexOf(event.code), onKey = piano.contains(event.target);
    const acts = { KeyZ: () => shift(-12), KeyX: () => shift(12), Backspace: () => undo.click(),
      ...(onKey && { ArrowRight: () => move(focus + 1), ArrowLeft: () => move(focus - 1),
        ArrowUp: () => move(focus + 12), ArrowDown: () => move(focus - 12),
        Enter: () => press("Enter", focus), Space: () => take || rest.click() }) };
    const act = place >= 0 ? () => press(event.code, lowest + place) : acts[event.code];
    if (!act) return;
    event.preventDefault(); event.stopPropagation();
    if (!event.repeat || event.code.startsWith("Arrow")) act();
    if (event.code === "KeyZ" || event.code === "KeyX") if (onKey) keys.get(focus).focus();
  });
  root.addEventListener("keyup", event => release(event.code));
  root.addEventListener("focusout", event => {
    if (!root.contains(event.relatedTarget)) for (const [key] of held) release(key);
  });

  const status = make("p", "kb-status", root);
  status.setAttribute("role", "status");
  const say = text => { status.textContent = text; };
  const { refuse, clear: forget } = besideControls(root, status);
  const receive = content => {
    if (content.kind === "holds") {
      ({ slots, undo: canUndo } = content);
      forget(); draw(); if (content.said) say(content.said);
    } else refuse(content.said);
  };
  model.on("msg:custom", receive);
  const silence = () => { for (const [key] of held) release(key); stop(false); };
  document.addEventListener(SILENCE_EVENT, silence);
  narrow.addEventListener("change", build);
  build(); markSlot(slot); model.send({ kind: "ready" });
  say(byHand("Click into the keys; then the letters on them play too.",
    "Tap the keys. The arrows go an octave lower and higher."));
  return () => {
    model.off("msg:custom", receive); document.removeEventListener(SILENCE_EVENT, silence);
    narrow.removeEventListener("change", build); stop(false); synth.close();
  };
}
export default { render };
