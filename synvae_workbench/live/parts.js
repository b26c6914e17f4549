// Parts that both pages of notebook 44 are made of: questions, sliders, pictures.
const PATIENCE = 1500;  // milliseconds after which a question counts as lost

/** Asks the kernel one question at a time: while it is answered (data-busy), only the newest change
 * is kept. `act` asks at once, `change` in its turn, `next` is called when an answer has come. */
const asking = (model, root) => {
  let asked = -Infinity, waiting;
  const act = (content, buffers) => {
    waiting = undefined; asked = performance.now(); root.dataset.busy = "";
    model.send(content, undefined, buffers);
  };
  const next = () => {
    const content = waiting;
    waiting = undefined; asked = -Infinity;
    if (content) act(content); else delete root.dataset.busy;
  };
  const change = content => {
    waiting = content;
    if (performance.now() - asked > PATIENCE) next();
  };
  return { act, change, next, waits: () => Boolean(waiting) };
};
/** A slider under its name, with its value in words; `moved` is called as it moves. */
const slider = (parent, name, attributes, words, moved) => {
  const label = make("label", "xp-slider", parent), head = make("span", "xp-name", label);
  const title = make("span", "", head, name), value = make("span", "xp-value", head);
  const input = make("input", "", label);
  Object.assign(input, { type: "range" }, attributes);
  input.setAttribute("aria-label", name);
  value.setAttribute("aria-hidden", "true");
  const tell = () => {
    value.textContent = words(+input.value);
    input.setAttribute("aria-valuetext", value.textContent);
  };
  input.addEventListener("input", () => { tell(); moved(+input.value); });
  tell();
  return { label, input, title, set: to => { input.value = to; tell(); } };
};
/** A picture of the kernel's bytes, one number a pixel and channel, under its caption. */
const picture = (parent, title, [channels, high, wide]) => {
  const figure = make("figure", "xp-picture", parent), canvas = make("canvas", "", figure);
  make("figcaption", "", figure, title);
  canvas.width = wide; canvas.height = high;
  canvas.setAttribute("role", "img"); canvas.setAttribute("aria-label", title);
  const area = high * wide, image = new ImageData(wide, high);
  const paint = (view, words, number = 0) => {
    const pixels = new Uint8Array(view.buffer, view.byteOffset + number * channels * area,
      channels * area);
    for (let i = 0; i < area; i++)
      for (let c = 0; c < 4; c++)
        image.data[4 * i + c] = c === 3 ? 255 : pixels[channels === 1 ? i : c * area + i];
    canvas.getContext("2d").putImageData(image, 0, 0);
    canvas.setAttribute("aria-label", words);
  };
  return { figure, canvas, paint };
};
/** A select under its name, with a number for each text. */
const choice = (parent, name, texts, chosen) => {
  const label = make("label", "xp-choice", parent, `${name} `), select = make("select", "", label);
  texts.forEach((text, i) => { make("option", "", select, text).value = i; });
  select.addEventListener("change", () => { if (select.value !== "") chosen(+select.value); });
  return select;
};
/** A live region that says what happened, each thing once; a refusal stands beside its control. */
const speaking = (parent, root) => {
  const status = make("p", "xp-status", parent);
  status.setAttribute("role", "status");
  const { clear, refuse, used } = besideControls(root, status);
  const say = text => { clear(); status.textContent = text; };
  return { say, refuse: text => { say(""); refuse(text); }, used };
};
