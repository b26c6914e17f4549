// One player for all entries: a page of thousands has one sound element, and loads what is played.
const list = document.querySelector(".album"), sound = document.getElementById("sound");
const all = document.getElementById("all"), order = document.getElementById("order");
const now = document.getElementById("now"), still = matchMedia("(prefers-reduced-motion: reduce)");
let item = null, inOrder = false;
const button = (entry) => entry.querySelector("button");
const name = (entry) => entry.querySelector("h2").textContent;

const show = () => {
  const playing = item !== null && !sound.paused;
  for (const old of list.querySelectorAll("[aria-current]"))
    if (old !== item) old.removeAttribute("aria-current");
  if (item === null) return;
  item.setAttribute("aria-current", "true");
  button(item).textContent = playing ? "Pause" : "Play";
  button(item).setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${name(item)}`);
  all.textContent = inOrder && playing ? "Pause" : "Play in order";
  all.setAttribute("aria-pressed", String(inOrder && playing));
};

const follow = () => {
  if (item === null) return;
  const roll = item.querySelector(".roll"), line = roll.querySelector("i");
  const { seconds, bars } = roll.dataset, at = Math.min(1, sound.currentTime / seconds);
  line.hidden = at === 0 || at === 1;
  line.style.left = `${100 * (still.matches ? Math.floor(at * bars) / bars : at)}%`;
  if (!sound.paused) requestAnimationFrame(follow);
};

const play = (entry) => {
  if (item !== null && item !== entry) {
    const old = item;
    sound.pause();
    item = null;
    old.querySelector(".roll i").hidden = true;
    button(old).textContent = "Play";
    button(old).setAttribute("aria-label", `Play ${name(old)}`);
  }
  if (item !== entry) {
    item = entry;
    sound.src = button(entry).dataset.sound;
  }
  if (inOrder) {
    const place = [...list.children].indexOf(entry) + 1;
    now.textContent = `${place} of ${list.children.length}: ${name(entry)}`;
    entry.scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
  } else now.textContent = name(entry);
  sound.play().catch(() => {
    now.textContent = `${name(entry)}: the sound cannot be played`;
    show();
  });
  show();  // what plays already fires no event
};

list.addEventListener("click", (event) => {
  const pressed = event.target.closest("button");
  if (!pressed) return;
  const entry = pressed.closest("li");
  if (entry === item && !sound.paused) return sound.pause();
  inOrder = false;
  play(entry);
});
all.addEventListener("click", () => {
  if (inOrder && !sound.paused) return sound.pause();
  inOrder = true;
  const last = item === null || (sound.ended && item.nextElementSibling === null);
  play(last ? list.firstElementChild : item);
});
sound.addEventListener("ended", () => {
  if (inOrder && item.nextElementSibling) return play(item.nextElementSibling);
  inOrder = false;
  show();
});
sound.addEventListener("play", () => { show(); follow(); });
sound.addEventListener("pause", show);
sound.addEventListener("seeked", follow);
order.addEventListener("change", () => {
  const entries = [...list.children];
  entries.sort((a, b) => a.dataset[order.value] - b.dataset[order.value]);
  list.append(...entries);
  now.textContent = `In order: ${order.selectedOptions[0].textContent}`;
});
for (const each of list.querySelectorAll("button")) each.hidden = false;
document.querySelector(".controls").hidden = false;
