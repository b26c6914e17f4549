// A list of pictures: arrow keys go from one to the next and let it be heard, Enter keeps it.
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Makes `parent` a list. `hear` gets the item that the keys went to, `keep` the one that is chosen;
 * `leave` is called when the focus goes elsewhere though something was only heard. */
const pickList = (parent, title, { hear, keep, leave }) => {
  let heard = false, filling = false;
  const items = () => [...parent.children];
  const rove = to => { for (const each of items()) each.tabIndex = each === to ? 0 : -1; };
  parent.addEventListener("keydown", event => {
    const all = items(), here = all.indexOf(event.target), { key } = event;
    if (here < 0 || !(key in STEPS || key === "Home" || key === "End")) return;
    event.preventDefault();
    const to = all[key === "Home" ? 0 : key === "End" ? all.length - 1 : here + STEPS[key]];
    if (!to || to === event.target) return;
    heard = true; to.focus(); hear(to);
  });
  parent.addEventListener("focusin", ({ target }) => { if (items().includes(target)) rove(target); });
  parent.addEventListener("focusout", ({ relatedTarget }) => {
    if (filling || !heard || parent.contains(relatedTarget)) return;
    heard = false; leave();
  });
  parent.addEventListener("click", event => {
    const item = event.target.closest("[role=option]");
    if (item) { heard = false; keep(item); }
  });
  /** Other items in place of those before; the focus stays on its item or, if it is gone, its place. */
  return nodes => {
    const before = items(), here = before.indexOf(document.activeElement);
    const again = nodes.find(node => node.dataset.place === before[here]?.dataset.place);
    filling = true; parent.replaceChildren(...nodes); filling = false;
    nodes.forEach((node, i) => {
      node.setAttribute("role", "option");
      node.setAttribute("aria-posinset", i + 1); node.setAttribute("aria-setsize", nodes.length);
    });
    for (const [name, value] of [["role", "listbox"], ["aria-label", title]])
      if (nodes.length) parent.setAttribute(name, value); else parent.removeAttribute(name);
    const focus = again ?? nodes[Math.min(here, nodes.length - 1)];
    rove(focus ?? nodes[0]);
    if (here >= 0) focus?.focus();
  };
};
