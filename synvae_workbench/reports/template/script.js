// Everything is readable without this script; it opens all folded code at once.
const button = document.getElementById("code");
if (button) {
  const code = document.querySelectorAll("details.code");
  button.hidden = code.length === 0;
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") !== "true";
    for (const details of code) details.open = open;
    button.setAttribute("aria-pressed", open);
    button.textContent = open ? "Hide all code" : "Show all code";
  });
}
// On a narrow page the contents would push the report below the fold.
if (matchMedia("(max-width: 70rem)").matches)
  document.querySelector("nav details")?.removeAttribute("open");
// Paper cannot be unfolded: what a report is made of is printed, its code is not.
const cards = [...document.querySelectorAll("details.card:not([open])")];
addEventListener("beforeprint", () => cards.forEach((card) => { card.open = true; }));
addEventListener("afterprint", () => cards.forEach((card) => { card.open = false; }));
