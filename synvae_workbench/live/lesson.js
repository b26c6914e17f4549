// The screens of a lesson: what is heard, step by step, then questions with answers. See course.py.
const MARGIN = 2;  // semitones of a roll above its highest note and below its lowest

/** Notes as [start, end, pitch], drawn in the pitches of all that are compared. */
const drawRoll = (parent, { notes, steps }, pitches) => {
  const roll = make("span", "ls-roll synvae-roll", parent);
  const low = Math.min(...pitches) - MARGIN, range = Math.max(...pitches) + MARGIN + 1 - low;
  roll.setAttribute("aria-hidden", "true");
  roll.style.setProperty("--beats", steps / 4); roll.style.setProperty("--bars", steps / 16);
  for (const [start, end, pitch] of notes)
    Object.assign(make("span", "ls-note", roll).style, {
      background: colour(pitch), left: `${100 * start / steps}%`,
      width: `calc(${100 * (end - start) / steps}% - 1px)`,
      bottom: `${100 * (pitch - low) / range}%`, height: `max(4px, ${100 / range}%)`,
    });
};

/** Adds the screens to a page of screens; `leave`, at the end, is called by a button `leaveText`. */
const lessonScreens = (ui, leave, leaveText, again) => {
  const { ask, body, heading, paragraph, picture, press, primary, refuse, toggle, url } = ui;

  /** Melodies side by side, each a button with its picture, its notes and a number. */
  const players = (examples, buffers, mark = () => "") => {
    const row = make("div", "lt-row ls-players", body), count = examples.length;
    row.setAttribute("role", "group"); row.setAttribute("aria-label", `${count} melodies`);
    const pitches = examples.flatMap(({ notes }) => notes.map(note => note[2]));
    return examples.map((example, index) => {
      const who = { plays: 0, sound: url(buffers[count + index], "audio/flac") };
      who.node = press("lt-example ls-player", row, "", () => toggle(who));
      const noted = mark(index);
      // all that is seen on it, in its order, so that it can be called by that
      const words = ["Play", noted, example.caption, index + 1, example.remark];
      who.node.setAttribute("aria-label", words.filter(Boolean).join(", "));
      if (noted) { make("span", "ls-mark", who.node, noted); who.node.append(" "); }
      const top = make("span", "ls-top", who.node);
      picture(top, buffers[index], ""); make("span", "lt-icon", top);
      drawRoll(who.node, example, pitches);
      const caption = make("span", "ls-caption", who.node, `${example.caption} `);
      make("kbd", "", caption, index + 1).setAttribute("aria-hidden", "true");
      who.node.append(" ");
      if (example.remark) make("small", "ls-remark", who.node, example.remark);
      return who;
    });
  };
  /** Keys of players: their numbers, and space, which plays `first`, or one after the other. */
  const playKeys = (all, first) => {
    let next = first ?? 0;
    all.forEach((who, index) => {
      if (first === undefined) who.onPlay = () => { next = (index + 1) % all.length; };
    });
    Object.assign(ui.at, {
      number: pressed => all[pressed - 1] && toggle(all[pressed - 1]),
      space: () => ui.pauseOrGoOn() || toggle(all[next]),
    });
  };
  const name = lesson => { ui.title.textContent = `Lesson: ${lesson}`; };

  const step = ({ lesson, step, of, questions, title, does, tendencies, measured, examples },
    buffers) => {
    name(lesson);
    heading(`Sound ${step + 1} of ${of}: ${title}`);
    if (!step) paragraph(`${of} things can be heard in a picture's melody. Each is shown by `
      + "pictures whose melodies differ most in it, and as little as could be found in all else. "
      + `Then come ${questions} questions, with answers.`);
    paragraph(does);
    const all = players(examples, buffers);
    for (const each of tendencies) paragraph(each, "ls-tendency");
    paragraph(measured, "lt-small");
    const row = make("div", "lt-row", body);
    const back = () => step ? ask("step", { index: step - 1 }) : refuse("This is the first sound.");
    if (step) press("", row, "Back", back, "B");
    primary(step + 1 < of ? "Next sound" : "To the questions",
      () => ask("step", { index: step + 1 }), row);
    if (step + 1 < of) press("", row, "Skip to the questions", () => ask("step", { index: of }), "Q");
    playKeys(all);
    Object.assign(ui.at, { b: back, q: () => ask("step", { index: of }) });
    ui.at.hint = `Keys: 1 to ${all.length} play, space plays one after the other or pauses, `
      + "Enter goes on, B back, Q to the questions";
    ui.at.taps = "Tap a picture to play its melody or to stop it";
  };

  const question = ({ lesson, task, of, right, names }, [sound, ...pictures]) => {
    name(lesson);
    heading(`Question ${task + 1} of ${of}`);
    if (task) paragraph(`${right} of ${task} right so far.`, "ls-far");
    let place;
    const ready = () => { if (who.plays && place !== undefined) go.dataset.ready = ""; };
    const who = ui.playButton("Play the melody", url(sound, "audio/flac"), ready);
    const choose = ui.pictureChoices(names, pictures, chosen => { place = chosen; ready(); });
    const row = make("div", "lt-row", body), sounds = () => ask("step", { index: 0 });
    press("", row, "Hear the sounds again", sounds, "S");
    const go = primary("Answer", () => {
      if (!who.plays) refuse(`Play the melody first: ${byHand("press space", "tap its button")}.`);
      else if (place === undefined) 
        refuse(`Choose a picture: ${byHand(`press 1 to ${names.length}`, "tap it")}.`);
      else ask("guess", { task, place });
    }, row);
    Object.assign(ui.at, { s: sounds, space: () => toggle(who),
      number: pressed => choose[pressed - 1]?.() });
    ui.at.hint = `Keys: space plays or pauses, 1 to ${names.length} choose, Enter answers, `
      + "S goes back to the sounds";
    ui.at.taps = "Tap the melody to play or stop it, and a picture to choose it";
  };

  const shown = ({ lesson, task, of, place, chosen, examples, differences }, buffers) => {
    name(lesson);
    const answer = examples[place].caption;
    heading(place === chosen ? `Right: it was ${answer}` : `No, it was ${answer}`);
    const all = players(examples, buffers, index => index === place ? "what you heard"
      : index === chosen ? "your choice" : "");
    for (const each of differences) paragraph(each);
    primary(task + 1 < of ? "Next question" : "The result", () => ask("next", {}));
    playKeys(all, place);
    ui.at.hint = `Keys: space plays what you heard, 1 to ${all.length} play each, Enter goes on`;
    ui.at.taps = "Tap a picture to play its melody or to stop it";
  };

  const learnt = ({ lesson, right, count, lines }) => {
    name(lesson);
    heading(`${right} of ${count} right`);
    for (const line of lines) paragraph(line);
    const row = make("div", "lt-row", body);
    press("", row, "Hear the sounds again", () => ask("step", { index: 0 }), "S");
    if (again) press("", row, "New questions", again, "N");
    primary(leaveText, leave, row);
    Object.assign(ui.at, { s: () => ask("step", { index: 0 }), n: again });
    ui.at.hint = `Keys: Enter goes on, S to the sounds${again ? ", N asks new questions" : ""}`;
  };

  Object.assign(ui.screens, { step, try: question, shown, learnt });
};
