// What is wider than the page scrolls: by keyboard as well, and with an edge that shows there is more.
const scrollers = document.querySelectorAll(".scroll, .picture, .html, pre");
const edge = (box) => {
  const more = box.scrollWidth - box.clientWidth;
  if (more > 1 && !box.hasAttribute("tabindex")) box.tabIndex = 0;
  box.classList.toggle("more", more - box.scrollLeft > 1);
};
for (const box of scrollers) {
  edge(box);
  box.addEventListener("scroll", () => edge(box), { passive: true });
  for (const image of box.querySelectorAll("img")) image.addEventListener("load", () => edge(box));
}
addEventListener("resize", () => scrollers.forEach(edge));
document.addEventListener("toggle", () => scrollers.forEach(edge), true);
