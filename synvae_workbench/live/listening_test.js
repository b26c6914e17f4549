// A listening test on a page. The kernel says what is shown: see listening_test.py.
const SILENCE = 12000;  // ms after which a kernel that says nothing is reported
const STORE = "synvae-listening-sitting";  // of this tab alone: where to go on after a reload
const GONE = "The kernel of this notebook does not answer. What was saved is safe: run the notebook "
  + "again, and you go on where you stopped. Or press Enter to try once more.";

const token = () => [...crypto.getRandomValues(new Uint8Array(16))]
  .map(byte => byte.toString(16).padStart(2, "0")).join("");
const kept = {  // a browser may refuse to store anything
  get: () => { try { return sessionStorage.getItem(STORE) ?? ""; } catch { return ""; } },
  set: id => { try { sessionStorage.setItem(STORE, id); } catch { /* resumed by hand, then */ } },
};

function render({ model, el }) {
  const page = token(), root = make("div", "listening", el);
  root.tabIndex = -1;  // a click anywhere in it brings the keys here
  asGroup(root, "Listening test");
  const head = make("div", "lt-head", root), title = make("span", "lt-title", head);
  const loud = make("label", "lt-volume", head, "Volume "), volume = make("input", "", loud);
  Object.assign(volume, { type: "range", min: 0, max: 1, step: 0.05, value: 0.8 });
  const progress = make("progress", "", root), body = make("div", "lt-body", root);
  progress.setAttribute("aria-label", "Questions answered");
  const status = make("p", "lt-status", root), keys = make("p", "lt-keys", root);
  status.setAttribute("role", "status");  // a polite live region
  const audio = make("audio", "live-audio", root);

  let at = {}, waiting, urls = [], player;
  const say = text => { status.textContent = text; };
  const idle = () => { clearTimeout(waiting); waiting = undefined; delete root.dataset.busy; };
  const tell = (kind, values) => {
    try { model.send({ page, kind, ...values }); } catch { say(GONE); }
  };
  /** Sends a move, one at a time. */
  const ask = (kind, values) => {
    if (waiting) return;
    root.dataset.busy = "";
    waiting = setTimeout(() => { idle(); say(GONE); }, SILENCE);
    tell(kind, values);
  };

  const button = (name, parent, text, act, key = "") => {
    const node = make("button", name, parent, text);
    node.type = "button";
    if (key) make("kbd", "", node, key).setAttribute("aria-hidden", "true");
    node.addEventListener("click", act);
    return node;
  };
  const heading = text => {
    const node = make("h3", "", body, text);
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

  /** Plays from the start, or stops what plays. `who` has a button, a sound and counts its plays. */
  const toggle = async who => {
    if (player === who && !audio.paused) { audio.pause(); return; }
    for (const other of document.querySelectorAll("audio")) other.pause();
    ended(); player = who; audio.src = who.sound; audio.volume = volume.value;
    try { await audio.play(); } catch (error) {
      if (error.name !== "AbortError")
        say(`The browser cannot play this sound (${error.name}); press the button again.`);
      return;
    }
    who.plays += 1; say(""); who.onPlay?.();
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
  const playButton = (text, sound, onPlay) => {
    const who = { sound, plays: 0, onPlay };
    who.node = button("lt-play", body, "", () => toggle(who));
    make("span", "lt-icon", who.node); make("span", "", who.node, text);
    make("kbd", "", who.node, "space").setAttribute("aria-hidden", "true");
    return who;
  };
  const primary = (text, act, parent = body) => {
    at.enter = act;
    return button("lt-go", parent, text, act, "Enter");
  };

  const welcome = ({ name, disclaimer, questions, choices, minutes, file, unfinished }) => {
    title.textContent = name;
    heading("Which picture do you hear?");
    paragraph(`Every melody here was made from a picture. You hear a melody, see ${choices} `
      + `pictures, and choose the one that it was made from. First there are examples; then `
      + `${questions} questions. It takes about ${minutes} minutes; headphones are best.`);
    paragraph(disclaimer);
    paragraph("Stored are your choices, how sure you were, how often you played a melody and how "
      + "long you took, under a random number. No name is asked, and nothing leaves the computer "
      + `that runs this notebook: it is in ${file}, and can be deleted there. Take part if you `
      + "like to; pause or stop whenever you wish.", "lt-small");
    const label = make("label", "lt-consent", body), consent = make("input", "", label);
    consent.type = "checkbox";
    make("span", "", label, "I have read this and want to take part.");
    primary("Begin", () => {
      if (consent.checked) ask("begin", { consent: true });
      else { say("Tick the box first, if you want to take part."); consent.focus(); }
    });
    at.hint = "Keys: Tab moves, space ticks the box, Enter begins";
    if (!unfinished.length) return;
    make("h4", "", body, "Or go on with one that was not finished");
    const row = make("div", "lt-row lt-unfinished", body);
    for (const { sitting, began, answered, of } of unfinished) {
      const when = new Date(began).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
      button("", row, `Begun ${when}, ${answered} of ${of} answered`,
        () => ask("resume", { sitting }));
    }
  };

  const check = ({ counts }, [sound]) => {
    heading("Can you hear it?");
    paragraph("Play the tones and set the volume so that they are clear and pleasant. How many "
      + "tones are there?");
    const who = playButton("Play the tones", url(sound, "audio/flac"));
    const row = make("div", "lt-row lt-counts", body);
    const count = number => {
      if (who.plays) ask("tones", { count: number });
      else say("Play the tones first: press space.");
    };
    row.setAttribute("role", "group"); row.setAttribute("aria-label", "How many tones?");
    for (const number of counts) button("", row, `${number}`, () => count(number));
    at.hint = `Keys: space plays or stops, ${counts[0]} to ${counts.at(-1)} say how many tones`;
    Object.assign(at, { space: () => toggle(who), enter: () => say("Press a number."),
      number: pressed => counts.includes(pressed) && count(pressed) });
  };

  const examples = ({ classes }, pictures) => {
    heading("Listen to the examples");
    paragraph("These melodies were made from these pictures. Play them, as often as you like, until "
      + "you have an idea of how they differ.");
    const heard = new Set();
    let next = 0, row;
    const all = classes.map((name, index) => {
      if (name !== classes[index - 1]) {
        const group = make("section", "lt-group", body);
        make("h4", "", group, name); row = make("div", "lt-row", group);
      }
      const who = { plays: 0, onPlay: () => {
        heard.add(index); who.node.dataset.heard = ""; next = (index + 1) % classes.length;
        say(`An example of ${name}. ${heard.size} of ${classes.length} heard.`);
      } };
      who.play = () => {
        if (who.sound) return toggle(who);
        at.wanted = index; tell("example", { index });
      };
      who.node = button("lt-example", row, "", who.play);
      picture(who.node, pictures[index], `Play example ${index + 1}, of ${name}`);
      make("span", "lt-icon", who.node);
      return who;
    });
    primary("Begin the questions", () => ask("heard", { examples: heard.size }));
    at.hint = "Keys: space plays the next example or stops it, Tab moves, Enter begins the questions";
    Object.assign(at, { space: () => player?.node.isConnected && !audio.paused ? audio.pause()
      : all[next].play(),
    sound: (index, bytes) => {
      all[index].sound = url(bytes, "audio/flac");
      if (at.wanted === index) toggle(all[index]);
    } });
  };

  const question = ({ task, of, names }, [sound, ...pictures]) => {
    heading(`Question ${task + 1} of ${of}`);
    let place, confidence, began, pauses = 0, since;
    const ready = () => {
      if (who.plays && place !== undefined && confidence !== undefined) go.dataset.ready = "";
    };
    const who = playButton("Play the melody", url(sound, "audio/flac"), () => {
      began ??= performance.now(); ready();
      times.textContent = who.plays === 1 ? "played once" : `played ${who.plays} times`;
    });
    const times = make("span", "lt-times", body);
    const choose = choices("Which picture was this melody made from?", "lt-pictures", names,
      (label, name, index) => {
        picture(label, pictures[index], `Picture ${index + 1}, of ${name}`);
        make("kbd", "", label, index + 1).setAttribute("aria-hidden", "true");
      }, chosen => { place = chosen; ready(); });
    const words = model.get("confidence"), letters = words.map(word => word.split(" ").at(-1)[0]);
    const sure = choices("How sure are you?", "lt-sure", words, (label, word, index) => {
      make("span", "", label, word);
      make("kbd", "", label, letters[index].toUpperCase()).setAttribute("aria-hidden", "true");
    }, chosen => { confidence = chosen; ready(); });
    const last = make("div", "lt-row", body), go = primary("Confirm", () => {
      if (!who.plays) say("Play the melody first: press space.");
      else if (place === undefined) say(`Choose a picture: press 1 to ${names.length}.`);
      else if (confidence === undefined) say(`How sure are you? Press ${letters.join(", ")}.`);
      else ask("answer", { task, place, confidence, plays: who.plays,
        seconds: Math.round(performance.now() - began - pauses) / 1000 });
    }, last);
    const shown = [...body.children];
    const pause = () => {
      audio.pause(); since = performance.now(); tell("log", { what: "pause" });
      const before = at;
      body.replaceChildren();
      at = { p: () => resume(), enter: () => resume(), hint: "Keys: Enter or P goes on" };
      heading("Paused").focus();
      paragraph(`${task} of ${of} answers are saved. You can close the page and come back later.`);
      const resume = () => {  // the question's own nodes come back as they were
        if (began !== undefined) pauses += performance.now() - since;
        tell("log", { what: "resume" });
        body.replaceChildren(...shown);
        at = before; hint(); say("You go on."); shown[0].focus();
      };
      button("lt-go", body, "Go on", resume, "Enter").dataset.ready = ""; hint(); say("");
    };
    button("lt-pause", last, "Pause", pause, "P");
    Object.assign(at, { p: pause, space: () => toggle(who),
      number: pressed => choose[pressed - 1]?.() });
    letters.forEach((letter, index) => { at[letter] = sure[index]; });
    at.hint = `Keys: space plays or stops, 1 to ${names.length} choose, `
      + `${letters.join(" ").toUpperCase()} say how sure, Enter confirms, P pauses`;
  };

  const end = ({ right, count, lines, classes, confusion, result, sitting }) => {
    heading("Thank you! All of your answers are saved.");
    const big = paragraph(`${Math.round(100 * right / count)} %`, "lt-score");
    make("span", "", big, " right");
    for (const line of lines) paragraph(line);
    const table = make("table", "", body);
    make("caption", "", table, "What you heard (rows), and what you took it for (columns)");
    const top = make("tr", "", make("thead", "", table)), rows = make("tbody", "", table);
    make("td", "", top);
    const header = (row, name, scope) => { make("th", "", row, name).scope = scope; };
    for (const name of classes) header(top, name, "col");
    confusion.forEach((counts, index) => {
      const row = make("tr", "", rows);
      header(row, classes[index], "row");
      counts.forEach((times, column) =>
        make("td", index === column ? "lt-right" : "", row, `${times}`));
    });
    const row = make("div", "lt-row", body), link = make("a", "", row, "Save the answers (Syneval)");
    link.href = url(result, "application/json"); link.download = `${sitting}.json`;
    button("", row, "Next listener", () => { kept.set(""); ask("hello", { sitting: "" }); });
  };

  const moved = ({ said }) => {
    heading("This sitting is open elsewhere");
    paragraph(said);
    const sitting = kept.get();
    if (sitting) primary("Go on here", () => ask("resume", { sitting }));
    else primary("To the beginning", () => ask("hello", { sitting: "" }));
  };

  const screens = { welcome, volume: check, examples, question, end, moved };
  const hint = () => { keys.textContent = at.hint ?? "Keys: Tab moves, Enter goes on"; };
  const show = (content, buffers) => {
    const mine = root.contains(document.activeElement);
    audio.pause(); player = undefined;
    for (const old of urls.splice(0)) URL.revokeObjectURL(old);
    body.replaceChildren(); root.dataset.screen = content.screen; at = {};
    if (content.sitting) kept.set(content.sitting);
    progress.hidden = content.screen !== "question"; loud.hidden = !["volume", "examples",
      "question"].includes(content.screen);
    progress.max = content.of ?? 1; progress.value = content.task ?? 0;
    screens[content.screen](content, buffers);
    hint();
    if (mine) { body.firstChild.focus({ preventScroll: true }); root.scrollIntoView({ block:
      "nearest" }); }
  };
  const told = (content, buffers) => {
    if (content.to !== page) return;  // another tab's
    if (content.example !== undefined) { at.sound?.(content.example, buffers[0]); return; }
    if (content.screen || content.refused) idle();
    if (content.screen) show(content, buffers);
    if (content.said !== undefined && content.screen !== "moved") say(content.said);
  };
  model.on("msg:custom", told);

  root.addEventListener("keydown", event => {
    event.stopPropagation();
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const on = event.target, { key } = event;
    let act;
    if (key === " ") {  // buttons, the box and a radio that is not chosen yet have their own
      if (!on.matches("button:not(.lt-play), a, [type=checkbox], [type=radio]:not(:checked)"))
        act = at.space;
    } else if (key === "Enter") act = on.matches("button:not(.lt-play), a") ? undefined : at.enter;
    else if (/^[1-9]$/.test(key)) act = at.number && (() => at.number(Number(key)));
    else if (/^[a-z]$/i.test(key)) act = at[key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    if (!event.repeat) act();
  });
  paragraph("Getting ready …");
  tell("hello", { sitting: kept.get() });  // answered when the cells below have run
  return () => { model.off("msg:custom", told); idle(); audio.pause();
    for (const old of urls) URL.revokeObjectURL(old); };
}
export default { render };
