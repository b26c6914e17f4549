// A map of pictures: click, or focus and press enter, to hear one. Written by __init__.py.
for (const root of document.querySelectorAll(".melody-map:not([data-ready])")) {
  root.dataset.ready = "";
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const make = (tag, name, parent, text = "") => {
    const node = document.createElement(tag);
    node.className = name; node.textContent = text; parent.append(node);
    return node;
  };
  const bar = make("div", "mm-bar", root), view = make("div", "mm-view", root);
  const plane = make("div", "mm-plane", view), side = make("div", "mm-side", root);
  // Each picture is cut from the one sheet, which is decoded once.
  const encoded = new Image();
  encoded.src = data.sprite;
  let sheet;
  const place = (node, item) => {
    node.style.setProperty("--colour", data.classes[data.classOf[item]].colour);
    const thumbnail = node.firstChild, { width, height } = data;
    Object.assign(thumbnail, { width, height });
    if (sheet) thumbnail.getContext("2d").drawImage(sheet, item % data.columns * width,
      Math.floor(item / data.columns) * height, width, height, 0, 0, width, height);
  };

  // The notes of an item: from step, to step, MIDI pitch.
  const notesOf = item => {
    const numbers = [...data.notes[item]].map(c => c.charCodeAt(0) - data.first), notes = [];
    for (let i = 0; i < numbers.length; i += 3) {
      const [start, length, pitch] = numbers.slice(i, i + 3);
      notes.push([start, start + length, pitch + data.lowest]);
    }
    return notes;
  };

  let sound, voices = [], frame;
  const large = make("div", "mm-point mm-large", side), canvas = make("canvas", "mm-roll", side);
  make("canvas", "", large);
  const now = make("div", "mm-now", side, "Choose a picture to hear its melody.");
  now.setAttribute("aria-live", "polite"); canvas.setAttribute("aria-hidden", "true");
  const draw = (item, share) => {
    const notes = notesOf(item), steps = data.steps, pitches = notes.map(n => n[2]);
    const middle = pitches.length ? (Math.min(...pitches) + Math.max(...pitches)) / 2 : 60;
    const low = Math.min(middle - 12, ...pitches) - 1, high = Math.max(middle + 12, ...pitches) + 2;
    const width = canvas.width = 384, height = canvas.height = 176, ink = canvas.getContext("2d");
    ink.fillStyle = data.classes[data.classOf[item]].colour;
    for (const [from, to, pitch] of notes)
      ink.fillRect(from / steps * width, (high - pitch - 1) / (high - low) * height,
        (to - from) / steps * width - 2, Math.max(4, height / (high - low)));
    ink.fillStyle = getComputedStyle(root).color;
    if (share > 0 && share < 1) ink.fillRect(share * width, 0, 2, height);
  };
  const stop = () => {
    cancelAnimationFrame(frame);
    sound?.pause(); sound = undefined;
    for (const voice of voices) voice.stop();
    voices = [];
    rest();
  };
  const rest = () => {
    const playing = points.findIndex(point => point.classList.contains("mm-playing"));
    if (playing < 0) return;
    points[playing].classList.remove("mm-playing");
    say(playing, "");
  };
  const synthesise = item => {
    const audio = globalThis.melodyMapAudio ??= new AudioContext();
    audio.resume();
    const wave = audio.createPeriodicWave(new Float32Array(7),
      new Float32Array([0, 1, .42, .2, .1, .06, .03]));
    for (const [from, to, pitch] of notesOf(item)) {
      const start = audio.currentTime + .04 + from * data.stepSeconds;
      const end = start + (to - from) * data.stepSeconds;
      const voice = audio.createOscillator(), gain = audio.createGain();
      voice.setPeriodicWave(wave); voice.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(.22, start + .01);
      gain.gain.setTargetAtTime(.05, start + .01, .35);
      gain.gain.setTargetAtTime(0, end - .01, .03);
      voice.connect(gain).connect(audio.destination);
      voice.start(start); voice.stop(end + .2); voices.push(voice);
    }
  };
  const play = item => {
    for (const player of document.querySelectorAll("audio")) player.pause();
    document.dispatchEvent(new Event("melody-map-stop"));
    if (data.sounds[item]) {
      const own = sound = new Audio(data.sounds[item]);
      own.play().catch(() => { if (sound === own) rest(); });  // or another one took its place
    } else synthesise(item);
    points[item].classList.add("mm-playing");
    const began = performance.now(), whole = data.steps * data.stepSeconds * 1000;
    const tick = () => {
      const share = (performance.now() - began) / whole;
      draw(item, share);
      if (share < 1) frame = requestAnimationFrame(tick);
      else rest();
    };
    tick();
  };
  const say = (item, before) => {
    place(large, item); large.style.visibility = "visible"; draw(item, 0);
    now.textContent = before + points[item].getAttribute("aria-label");
  };
  document.addEventListener("melody-map-stop", stop);
  document.addEventListener("play", stop, true);

  const points = data.classOf.map((of, item) => {
    const point = make("button", "mm-point", plane);
    point.type = "button"; point.tabIndex = item ? -1 : 0;
    make("canvas", "", point);
    const rendered = data.sounds[item] ? ", rendered sound" : "";
    if (rendered) point.dataset.sound = "";
    point.setAttribute("aria-label", `${data.classes[of].name}, picture ${item + 1}${rendered}`);
    point.title = point.getAttribute("aria-label");
    point.addEventListener("click", () => { play(item); say(item, "Playing: "); });
    point.addEventListener("focus", () => {
      for (const other of plane.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
      point.tabIndex = 0;
      if (!point.classList.contains("mm-playing")) say(item, "");
    });
    return point;
  });

  // Arrow keys go to the nearest picture in their direction; escape is silence.
  const directions = {
    ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  };
  plane.addEventListener("keydown", event => {
    if (event.key === "Escape") stop();
    const direction = directions[event.key], here = points.indexOf(event.target);
    if (!direction || here < 0) return;
    event.preventDefault();
    let best = -1, least = Infinity;
    const at = point => [point.offsetLeft, point.offsetTop], [x, y] = at(points[here]);
    points.forEach((point, item) => {
      const [dx, dy] = [at(point)[0] - x, at(point)[1] - y];
      const along = dx * direction[0] + dy * direction[1];
      const across = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
      const beside = along <= 0 || across > along;
      if (item === here || beside || point.classList.contains("mm-off")) return;
      if (along + across < least) { least = along + across; best = item; }
    });
    if (best >= 0) points[best].focus();
  });

  const show = name => {
    data.layouts[name].forEach(([x, y], item) =>
      Object.assign(points[item].style, { left: `${x}%`, top: `${y}%` }));
    for (const button of bar.querySelectorAll("button[data-layout]"))
      button.setAttribute("aria-pressed", button.dataset.layout === name);
  };
  for (const name of Object.keys(data.layouts)) {
    const button = make("button", "", bar, name);
    button.type = "button"; button.dataset.layout = name;
    button.addEventListener("click", () => show(name));
  }
  const silence = make("button", "", bar, "Stop");
  silence.type = "button"; silence.addEventListener("click", stop);
  const label = make("label", "", bar, "Zoom "), zoom = make("input", "", label);
  Object.assign(zoom, { type: "range", min: 1, max: 8, step: .5, value: 1 });
  const resize = () => {  // what is in the middle stays there
    const middle = [(view.scrollLeft + view.clientWidth / 2) / view.scrollWidth,
      (view.scrollTop + view.clientHeight / 2) / view.scrollHeight];
    plane.style.width = plane.style.height = `${100 * zoom.value}%`;
    const size = Math.max(12, Math.min(36, 440 / Math.sqrt(points.length))) * zoom.value ** .4;
    plane.style.setProperty("--size", `${size}px`);
    view.scrollTo(middle[0] * view.scrollWidth - view.clientWidth / 2,
      middle[1] * view.scrollHeight - view.clientHeight / 2);
  };
  zoom.addEventListener("input", resize);

  const chosen = new Set(), legend = make("div", "mm-classes", side);
  data.classes.forEach(({ name, colour }, of) => {
    const button = make("button", "", legend, name);
    button.type = "button"; button.style.setProperty("--colour", colour);
    button.setAttribute("aria-pressed", false);
    button.addEventListener("click", () => {
      chosen.delete(of) || chosen.add(of);
      button.setAttribute("aria-pressed", chosen.has(of));
      points.forEach((point, item) => point.classList.toggle(
        "mm-off", chosen.size > 0 && !chosen.has(data.classOf[item])));
    });
  });
  resize();
  show(Object.keys(data.layouts)[0]);
  encoded.decode().then(() => createImageBitmap(encoded)).then(bitmap => {
    sheet = bitmap;
    points.forEach(place);
  });
}
