// A listening test on a page. The kernel says what is shown: see listening_test.py.
const STORE = "synvae-listening-sitting";  // of this tab alone: where to go on after a reload

const kept = {  // a browser may refuse to store anything
  get: () => { try { return sessionStorage.getItem(STORE) ?? ""; } catch { return ""; } },
  set: id => { try { sessionStorage.setItem(STORE, id); } catch { /* resumed by its code, then */ } },
};

function render({ model, el }) {
  const ui = screenPage({ model, el, title: "Listening test",
    shown: ({ sitting }) => sitting && kept.set(sitting) });
  const { body, audio, say, refuse, tell, ask, press, heading, paragraph, url, picture, choices, toggle,
    playButton, primary, hint } = ui;

  const welcome = ({ name, disclaimer, questions, choices, minutes, lesson }) => {
    ui.title.textContent = name;
    heading("Which picture do you hear?");
    paragraph(`Every melody here was made from a picture. You hear a melody, see ${choices} `
      + `pictures, and choose the one that it was made from. First there `
      + `${lesson ? "is a lesson on what can be heard, then there " : ""}are examples; then `
      + `${questions} questions. It takes about ${minutes} minutes; headphones are best.`);
    paragraph(disclaimer);
    paragraph(`Stored are ${lesson ? "how many questions of the lesson you had right, " : ""}your `
      + "choices, how sure you were, how often you played a melody and how long you took, under a random number. No name is asked. Nothing leaves "
      + "this computer, and whoever invited you can delete it. Take part if you like to; pause or "
      + "stop whenever you wish.", "lt-small");
    const label = make("label", "lt-consent", body), consent = make("input", "", label);
    consent.type = "checkbox";
    make("span", "", label, "I have read this and want to take part.");
    primary("Begin", () => {
      if (consent.checked) ask("begin", { consent: true });
      else { refuse("Tick the box first, if you want to take part."); consent.focus(); }
    });
    ui.at.hint = "Keys: Tab moves, space ticks the box, Enter begins";
    const row = make("div", "lt-row lt-code", body), asked = make("label", "", row);
    make("span", "", asked, "Begun before? Your code: ");
    const code = make("input", "", asked);
    Object.assign(code, { type: "text", autocomplete: "off", spellcheck: false, maxLength: 20 });
    const goOn = () => {
      const sitting = code.value.toLowerCase().replaceAll(/[^0-9a-z]/g, "");
      if (/^[0-9a-f]{8}$/.test(sitting)) ask("resume", { sitting });
      else { refuse("A code has eight letters and digits: 0 to 9, a to f."); code.focus(); }
    };
    code.addEventListener("keydown", event => {
      event.stopPropagation();
      if (event.key === "Enter") { event.preventDefault(); goOn(); }
    });
    press("", row, "Go on", goOn);
  };
  /** By which a sitting is taken up again, on whatever page. */
  const codeOf = sitting => `${sitting.slice(0, 4)} ${sitting.slice(4, 8)}`;

  const check = ({ counts, sitting }, [sound]) => {
    heading("Can you hear it?");
    paragraph("Play the tones and set the volume so that they are clear and pleasant. How many "
      + "tones are there?");
    const who = playButton("Play the tones", url(sound, "audio/flac"));
    const row = make("div", "lt-row lt-counts", body);
    const count = number => {
      if (who.plays) ask("tones", { count: number });
      else refuse(`Play the tones first: ${byHand("press space", "tap their button")}.`);
    };
    paragraph(`Your code is ${codeOf(sitting)}: with it you can go on later.`, "lt-small");
    row.setAttribute("role", "group"); row.setAttribute("aria-label", "How many tones?");
    for (const number of counts) press("", row, `${number}`, () => count(number));
    ui.at.hint = `Keys: space plays or pauses, ${counts[0]} to ${counts.at(-1)} say how many tones`;
    ui.at.taps = "Tap the tones to play or stop them, then how many there were";
    Object.assign(ui.at, { space: () => toggle(who), enter: () => refuse("Press a number."),
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
        make("h3", "", group, name); row = make("div", "lt-row", group);
      }
      const who = { plays: 0, onPlay: () => {
        heard.add(index); who.node.dataset.heard = ""; next = (index + 1) % classes.length;
        say(`An example of ${name}. ${heard.size} of ${classes.length} heard.`);
      } };
      who.play = () => {
        if (who.sound) return toggle(who);
        ui.at.wanted = index; tell("example", { index });
      };
      who.node = press("lt-example", row, "", who.play);
      picture(who.node, pictures[index], `Play example ${index + 1} of ${classes.length}, ${name}`);
      make("span", "lt-icon", who.node);
      return who;
    });
    primary("Begin the questions", () => ask("heard", { examples: heard.size }));
    ui.at.hint = "Keys: space plays the next example or pauses it, Tab moves, Enter begins the questions";
    ui.at.taps = "Tap a picture to play its melody or to pause it";
    Object.assign(ui.at, { space: () => ui.pauseOrGoOn() || all[next].play(),
    sound: (index, bytes) => {
      all[index].sound = url(bytes, "audio/flac");
      if (ui.at.wanted === index) toggle(all[index]);
    } });
  };

  const question = ({ task, of, names, sitting }, [sound, ...pictures]) => {
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
    const choose = ui.pictureChoices(names, pictures, chosen => { place = chosen; ready(); });
    const words = model.get("confidence"), letters = words.map(word => word.split(" ").at(-1)[0]);
    const sure = choices("How sure are you?", "lt-sure", words, (label, word, index) => {
      make("span", "", label, word);
      make("kbd", "", label, letters[index].toUpperCase()).setAttribute("aria-hidden", "true");
    }, chosen => { confidence = chosen; ready(); });
    const last = make("div", "lt-row", body), go = primary("Confirm", () => {
      if (!who.plays) refuse(`Play the melody first: ${byHand("press space", "tap its button")}.`);
      else if (place === undefined) 
        refuse(`Choose a picture: ${byHand(`press 1 to ${names.length}`, "tap it")}.`);
      else if (confidence === undefined) 
        refuse(`How sure are you? ${byHand(`Press ${letters.join(", ")}`, "Tap your answer")}.`);
      else ask("answer", { task, place, confidence, plays: who.plays,
        seconds: Math.round(performance.now() - began - pauses) / 1000 });
    }, last);
    const shown = [...body.children];
    const pause = () => {
      audio.pause(); since = performance.now(); tell("log", { what: "pause" });
      const before = ui.at;
      body.replaceChildren();
      ui.at = { p: () => resume(), enter: () => resume(), hint: "Keys: Enter or P goes on" };
      heading("Paused").focus();
      paragraph(`${task} of ${of} answers are saved. You can close the page and come back later, with `
        + `your code: ${codeOf(sitting)}.`);
      const resume = () => {  // the question's own nodes come back as they were
        if (began !== undefined) pauses += performance.now() - since;
        tell("log", { what: "resume" });
        body.replaceChildren(...shown);
        ui.at = before; hint(); say("You go on."); shown[0].focus();
      };
      press("lt-go", body, "Go on", resume, "Enter").dataset.ready = ""; hint(); say("");
    };
    press("lt-pause", last, "Pause", pause, "P");
    Object.assign(ui.at, { p: pause, space: () => toggle(who),
      number: pressed => choose[pressed - 1]?.() });
    letters.forEach((letter, index) => { ui.at[letter] = sure[index]; });
    ui.at.hint = `Keys: space plays or pauses, 1 to ${names.length} choose, `
      + `${letters.join(" ").toUpperCase()} say how sure, Enter confirms, P pauses`;
    ui.at.taps = "Tap the melody to play or stop it, and a picture to choose it";
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
    press("", row, "Next listener", () => { kept.set(""); ask("hello", { sitting: "" }); });
  };

  const moved = ({ said }) => {
    heading("This sitting is open elsewhere");
    paragraph(said);
    const sitting = kept.get();
    if (sitting) primary("Go on here", () => ask("resume", { sitting }));
    else primary("To the beginning", () => ask("hello", { sitting: "" }));
  };

  lessonScreens(ui, () => ask("learnt", {}), "Go on to the test");
  Object.assign(ui.screens, { welcome, volume: check, examples, question, end, moved });
  tell("hello", { sitting: kept.get() });  // answered when the cells below have run
  return ui.close;
}
export default { render };
