// Elements. Whatever comes from an object gets into the page as text, by these functions alone.
"use strict";

function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const child of children) if (child !== null && child !== undefined && child !== "") node.append(child);
  return node;
}

function button(className, text, title, click) {
  const node = el("button", className, text);
  node.type = "button";
  if (title) node.title = title;
  node.addEventListener("click", click);
  return node;
}

function byId(id) { return document.getElementById(id); }

// Data of the page; none if it has none of that name.
function readData(id) {
  const node = byId(id);
  return node ? JSON.parse(node.textContent) : null;
}

function count(number, noun) {
  return number.toLocaleString("en") + " " + noun + (number === 1 ? "" : "s");
}

// A list of rows of the same height, of which only those exist that are seen.
class RowList {
  constructor(className, height, render) {
    this.height = height;
    this.render = render;
    this.length = 0;
    this.layer = el("div", "rows-layer");
    this.space = el("div", "rows-space", this.layer);
    this.node = el("div", "rows " + className, this.space);
    this.node.tabIndex = -1;
    this.node.addEventListener("scroll", () => this.draw(false), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  setLength(length) {
    this.length = length;
    this.space.style.height = length * this.height + "px";
    this.draw();
  }

  // Makes the rows that are seen; `anew` even if they are those that there are.
  draw(anew = true) {
    const { scrollTop, clientHeight } = this.node;
    if (!clientHeight) return;
    const first = Math.max(0, Math.floor(scrollTop / this.height) - 8);
    const last = Math.min(this.length, Math.ceil((scrollTop + clientHeight) / this.height) + 8);
    if (!anew && first === this.first && last === this.last) return;
    this.first = first;
    this.last = last;
    const rows = [];
    for (let at = first; at < last; at++) rows.push(this.render(at));
    this.layer.style.transform = "translateY(" + first * this.height + "px)";
    this.layer.replaceChildren(...rows);
  }

  // Scrolls so that a row is seen, in the middle if it was not.
  reveal(at) {
    const top = at * this.height, { scrollTop, clientHeight } = this.node;
    const margin = Math.min(3 * this.height, clientHeight / 4);
    if (top < scrollTop || top + this.height > scrollTop + clientHeight) {
      this.node.scrollTop = Math.max(0, top - (clientHeight - this.height) / 2);
    } else if (top < scrollTop + margin) {
      this.node.scrollTop = Math.max(0, top - margin);
    } else if (top + this.height + margin > scrollTop + clientHeight) {
      this.node.scrollTop = top + this.height + margin - clientHeight;
    }
    this.draw();
  }
}

// A box beside what the pointer is on.
const Tip = {
  show(anchor, content) {
    const tip = byId("tip");
    tip.replaceChildren(...content);
    tip.hidden = false;
    const at = anchor.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = Math.max(4, Math.min(at.left, innerWidth - own.width - 8));
    const below = at.bottom + 4 + own.height < innerHeight;
    tip.style.left = left + "px";
    tip.style.top = (below ? at.bottom + 4 : Math.max(4, at.top - own.height - 4)) + "px";
  },
  hide() { byId("tip").hidden = true; },
};

// Light, dark, or as the system has it.
const Theme = {
  names: ["auto", "light", "dark"],
  get() { return document.documentElement.dataset.theme ?? "auto"; },
  set(name) {
    document.documentElement.dataset.theme = name;
    byId("theme").textContent = { auto: "Auto", light: "Light", dark: "Dark" }[name];
    try { localStorage.setItem("verdict-theme", name); } catch { /* not for pages that may store nothing */ }
  },
  start() {
    let name = null;
    try { name = localStorage.getItem("verdict-theme"); } catch { /* as above */ }
    Theme.set(Theme.names.includes(name) ? name : "auto");
  },
  turn() { Theme.set(Theme.names[(Theme.names.indexOf(Theme.get()) + 1) % Theme.names.length]); },
};
