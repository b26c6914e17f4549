// A field to draw a digit on with a mouse, a finger, a pen or the keyboard: see draw.py.
const BRUSH = 5, STEP = 4;  // radius, and way of an arrow key, in pixels of the field
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS = "Arrow keys move the pen, with shift three times as far; space sets it down and lifts "
  + "it; delete clears.";

/** Makes `box` a field of `side` pixels; `drawn` gets the ink, 0..255, `say` what a key did. */
const drawingField = (box, side, drawn, say) => {
  const canvas = document.createElement("canvas"), mark = document.createElement("span");
  canvas.width = canvas.height = side; canvas.className = "ex-ink"; mark.className = "dr-pen";
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "Field to draw a digit on");
  canvas.setAttribute("aria-description", KEYS);
  box.append(canvas, mark);
  const ink = canvas.getContext("2d", { willReadFrequently: true });
  let pen = [side / 2, side / 2], down = false, empty = true;
  const move = to => {
    if (down) {
      Object.assign(ink, { lineWidth: 2 * BRUSH, lineCap: "round", lineJoin: "round" });
      ink.beginPath(); ink.moveTo(...pen); ink.lineTo(...to); ink.stroke();
      empty = false;
    }
    pen = to;
    [mark.style.left, mark.style.top] = pen.map(at => `${100 * at / side}%`);
    mark.classList.toggle("dr-down", down);
  };
  const lift = () => {
    if (!down) return;
    down = false; move(pen);
    const { data } = ink.getImageData(0, 0, side, side);
    drawn(Uint8Array.from({ length: side * side }, (_, i) => data[4 * i + 3]));
  };
  const clear = () => {
    down = false; empty = true; ink.clearRect(0, 0, side, side); move([side / 2, side / 2]);
  };
  const at = ({ clientX, clientY }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [side * (clientX - left) / width, side * (clientY - top) / height];
  };
  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    pen = at(event); down = true; move(pen);
  });
  canvas.addEventListener("pointermove", event => {
    if (canvas.hasPointerCapture(event.pointerId)) move(at(event));
  });
  for (const name of ["pointerup", "pointercancel", "blur"]) canvas.addEventListener(name, lift);
  canvas.addEventListener("keydown", event => {
    const arrow = ARROWS[event.key], far = STEP * (event.shiftKey ? 3 : 1);
    if (arrow) {
      move(pen.map((value, i) => Math.max(0, Math.min(side, value + far * arrow[i]))));
      say(`Column ${Math.round(pen[0] / STEP)}, row ${Math.round(pen[1] / STEP)}.`);
    } else if (event.key === " ") {
      if (down) lift(); else { down = true; move(pen); say("The pen is down."); }
    } else if (event.key === "Delete" || event.key === "Backspace") {
      clear(); say("The field is empty.");
    } else return;
    event.preventDefault(); event.stopPropagation();
  });
  clear();
  return { canvas, clear, isEmpty: () => empty };
};
