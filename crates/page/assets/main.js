// The page: a table of programs, and sheets, by the address behind the hash.
"use strict";

class SheetView {
  constructor(number, index) {
    this.number = number;
    this.sheet = readData("sheet-" + number);
    this.index = index;
    this.step = -1;
    this.way = [];
    this.tabs = {};
    const { sheet } = this;
    this.walk = sheet.walk ? new Walk(sheet.walk, sheet.listing) : null;
    this.last = this.walk ? this.walk.length - 1 : -1;
    const go = insn => this.goToInsn(insn);
    this.why = sheet.cell.outcome === "accepted" ? [] : explanationOf(sheet, index.rules, go);
    this.build();
  }

  build() {
    const { sheet, walk } = this;
    const left = el("div", "left");
    if (this.why.length) left.append(el("section", "why", ...this.why));
    this.node = el("div", "panes", left);
    if (!walk?.length) {
      this.node.classList.add("alone");
      const reason = sheet.without ?? (walk ? "It was refused before its first instruction was followed." : "It did not get as far as to be verified.");
      left.append(el("p", "quiet none", "There are no steps to show. " + reason));
    }
    if (!walk) return;
    const choose = step => this.choose(step, true);
    this.program = new Program(walk, choose);
    if (!walk.length) {
      this.node.append(this.programTabs());
      this.pointAt((sheet.explanation?.primary?.site ?? sheet.place)?.insn);
      return;
    }
    this.steps = new Steps(walk, this.notes(), sheet.cell.outcome === "refused", choose);
    this.state = new StatePane(walk, choose);
    left.append(this.programTabs());
    const middle = el("div", "middle", this.bounds(), this.steps.node);
    this.node.append(middle, this.state.node);
    this.cost = el("div", "cost");
    this.cost.hidden = true;
  }

  // Which part of the walk is here.
  bounds() {
    const { data } = this.walk, n = this.walk.length;
    const what = data.path ? "the failing path" : "the walk";
    let words = count(n, "step") + ": " + (data.path ? "the whole failing path" : "the whole walk");
    if (data.first > 0 || n < data.rows - data.first) {
      words = "the " + (data.first > 0 ? "last " : "first ") + count(n, "step") + " of the " + data.rows.toLocaleString("en") + " of " + what
        + (data.end === "changes" ? ": a page keeps no more changes of values" : ": a page keeps no more");
    }
    const legend = ["● checkpoint", "✂ pruned", "○ prune point", "◆ relies on a number", "P has such a number"];
    return el("div", "bounds", el("span", "", words), el("span", "quiet legend", ...legend.map(text => el("span", "", text))));
  }

  // What the explanation says of steps.
  notes() {
    const notes = new Map(), { explanation, place } = this.sheet;
    const add = (insn, kind, words) => {
      const step = this.walk.lastAt(insn, this.last);
      if (step < 0) return;
      if (!notes.has(step)) notes.set(step, []);
      notes.get(step).push({ kind, words });
    };
    for (const cause of explanation?.causes ?? []) add(cause.site.insn, "cause", "▲ " + cause.words + (cause.place ? " [" + cause.place + "]" : ""));
    if (explanation?.primary) add(explanation.primary.site.insn, "primary", "✗ " + explanation.primary.words);
    else if (place) add(place.insn, "primary", "✗ refused here");
    return notes;
  }

  programTabs() {
    const names = [["source", "Source", this.program.source], ["insns", "Instructions", this.program.insns]];
    const head = el("div", "tabs");
    for (const [name, title, list] of names) {
      const tab = button("", title, title + " (s)", () => this.tab(name));
      this.tabs[name] = { tab, list };
      head.append(tab);
    }
    const node = el("section", "listing", head, this.program.source.node, this.program.insns.node);
    this.tab(this.walk.listing.lines.length ? "source" : "insns");
    return node;
  }

  tab(name) {
    this.shownTab = name;
    for (const [other, { tab, list }] of Object.entries(this.tabs)) {
      tab.classList.toggle("on", other === name);
      list.node.hidden = other !== name;
    }
    this.program.reveal();
  }

  // Shows a step. `jumped` if it is not the one beside: the way back is kept.
  choose(step, jumped = false) {
    if (!this.walk || step < 0 || step >= this.walk.length || step === this.step) return;
    if (jumped && this.step >= 0) { this.way.push(this.step); if (this.way.length > 500) this.way.shift(); }
    this.step = step;
    Tip.hide();
    this.steps.show(step);
    this.program.show(step);
    this.state.show(step);
    // Browsers let an address change so often only.
    clearTimeout(this.naming);
    this.naming = setTimeout(() => App.name(this), 200);
  }

  goBack() {
    if (!this.way.length) return;
    const step = this.way.pop();
    this.choose(step);
  }

  goToInsn(insn) {
    if (!this.walk) return;
    const step = this.walk.lastAt(insn, this.last);
    if (step >= 0) this.choose(step, true); else this.pointAt(insn);
  }

  // Shows an instruction that no step is at.
  pointAt(insn) {
    if (insn === undefined) return;
    this.program.pointed = insn;
    this.tab("insns");
    requestAnimationFrame(() => this.program.reveal());
  }

  showCost(on = this.cost?.hidden) {
    if (!this.cost || !this.sheet.flame) return;
    if (on && !this.cost.firstChild) {
      const frame = el("iframe", "");
      frame.title = "Flame graph of processed instructions";
      frame.setAttribute("sandbox", "allow-scripts allow-modals");
      const size = this.sheet.flame.match(/viewBox="0 0 (\d+) (\d+)"/);
      if (size) frame.style.aspectRatio = size[1] + " / " + size[2];
      frame.src = URL.createObjectURL(new Blob([this.sheet.flame], { type: "image/svg+xml" }));
      this.cost.append(frame);
    }
    this.cost.hidden = !on;
    this.node.hidden = on;
    if (!on && this.step >= 0) { this.steps.show(this.step); this.program.reveal(); }
    byId("cost-button")?.classList.toggle("on", on);
  }

  search(text) {
    this.hits = this.steps ? this.steps.search(text) : [];
    return this.hits.length;
  }

  // The next hit behind the step, forwards or backwards, around the end.
  nextHit(by) {
    const { hits } = this;
    if (!hits?.length) return "";
    let at = lowerBound(hits, this.step);
    if (by > 0) at = hits[at] === this.step ? at + 1 : at; else at -= 1;
    at = (at + hits.length) % hits.length;
    this.choose(hits[at], true);
    return at + 1;
  }

  crumbs() {
    const { sheet, index } = this, { cell } = sheet;
    const { object } = sheet;
    const node = el("span", "", el("b", "", object.length > 44 ? "…" + object.slice(-43) : object), " ", sheet.program ?? "");
    node.title = object;
    const out = [node, this.kernels(), el("span", "outcome " + cell.outcome, cell.outcome + (cell.rule ? " " + cell.rule : ""))];
    for (const note of index.notes) out.push(el("span", "caveat", note));
    if (cell.figures) out.push(el("span", "quiet", count(cell.figures[0], "insn") + ", " + count(cell.figures[1], "state")));
    if (cell.outcome !== "refused" && cell.words) out.push(el("span", "quiet", cell.words));
    if (sheet.flame && this.cost) {
      const cost = button("", "Cost", "Flame graph of processed instructions (c)", () => this.showCost());
      cost.id = "cost-button";
      out.push(cost);
    }
    document.title = sheet.object + " " + (sheet.program ?? "") + " – " + index.title;
    return out;
  }

  // The other kernels' sheets of the same program.
  kernels() {
    const row = this.index.rows.find(row => row.cells.some(cell => cell?.sheet === this.number));
    const node = el("span", "kernels");
    this.index.kernels.forEach((kernel, at) => {
      const cell = row?.cells[at];
      if (kernel === this.sheet.kernel) node.append(el("span", "on", kernel));
      else if (cell && cell.sheet !== null) node.append(button("", kernel, cell.rule ?? "", () => { location.hash = "sheet=" + cell.sheet; }));
    });
    return node;
  }
}

const KEYS = [
  ["j  ↓", "next step"], ["k  ↑", "previous step"], ["PageDown  PageUp", "20 steps on, back"], ["g  Home", "first step"],
  ["G  End", "last step: where it failed"], ["n", "next checkpoint or pruned path"], ["p", "previous one"],
  ["]  [", "next, previous path"], ["u", "the fork that this path is from"], ["b", "back to where you were"],
  ["/", "search: instructions, source, values, #step"], ["Enter  Shift+Enter", "next, previous match"], ["s", "source or instructions"],
  ["c", "cost: the flame graph"], ["t", "light, dark, as the system"], ["Esc", "close; back to the table"], ["?", "this help"],
];

const App = {
  start() {
    Theme.start();
    App.index = readData("index");
    App.overview = new Overview(App.index);
    const sheets = App.index.rows.flatMap(row => row.cells).filter(cell => cell && cell.sheet !== null).map(cell => cell.sheet);
    App.only = App.index.rows.length === 1 && sheets.length === 1 ? sheets[0] : null;
    byId("home").addEventListener("click", () => { location.hash = "table"; });
    byId("theme").addEventListener("click", Theme.turn);
    byId("help-button").addEventListener("click", App.help);
    byId("search").addEventListener("input", App.searched);
    byId("search").addEventListener("keydown", App.searchKey);
    document.addEventListener("keydown", App.key);
    addEventListener("hashchange", App.route);
    App.buildHelp();
    App.route();
    requestAnimationFrame(() => performance.mark("verdict-ready"));
  },

  // Puts the step that a view is at into the address, unless the address leads elsewhere already: `route` is yet to hear of that.
  name(view) {
    if (App.view !== view || location.hash !== App.routed) return;
    history.replaceState(null, "", "#sheet=" + view.number + "&step=" + view.walk.name(view.step));
    App.routed = location.hash;
  },

  route() {
    App.routed = location.hash;
    const wanted = new URLSearchParams(location.hash.slice(1));
    let number = wanted.has("sheet") ? Number(wanted.get("sheet")) : location.hash === "" ? App.only : null;
    if (number !== null && !byId("sheet-" + number)) number = null;
    if (number === null) { App.showTable(); return; }
    if (App.view?.number !== number) App.showSheet(new SheetView(number, App.index));
    const { view } = App;
    byId("overview").hidden = true;
    byId("sheet").hidden = false;
    if (!view.walk) return;
    const step = wanted.has("step") ? view.walk.rowOf(Number(wanted.get("step"))) : -1;
    if (step >= 0) view.choose(step);
    else if (view.step < 0) view.choose(view.sheet.cell.outcome === "refused" ? view.last : 0);
  },

  showTable() {
    App.view = null;
    document.title = App.index.title;
    byId("crumbs").replaceChildren();
    byId("sheet").hidden = true;
    byId("overview").hidden = false;
    App.clearSearch();
    App.overview.filter("");
  },

  showSheet(view) {
    App.view = view;
    byId("crumbs").replaceChildren(...view.crumbs());
    byId("sheet").replaceChildren(view.node, ...(view.cost ? [view.cost] : []));
    App.clearSearch();
  },

  clearSearch() {
    byId("search").value = "";
    byId("matches").textContent = "";
    App.view?.search("");
  },

  searched() {
    const text = byId("search").value;
    const found = App.view ? App.view.search(text) : App.overview.filter(text);
    byId("matches").textContent = text ? found.toLocaleString("en") : "";
  },

  searchKey(event) {
    if (event.key === "Enter") {
      if (App.view) {
        const at = App.view.nextHit(event.shiftKey ? -1 : 1);
        if (at) byId("matches").textContent = at.toLocaleString("en") + "/" + App.view.hits.length.toLocaleString("en");
      } else App.overview.open();
    } else if (event.key === "Escape") {
      App.clearSearch();
      if (!App.view) App.overview.filter("");
      byId("search").blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  },

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea")) return;
    const act = App.common[event.key] ?? (App.view ? App.ofSheet[event.key] : App.ofTable[event.key]);
    // A button that has the focus takes Enter itself.
    if (!act || (event.key === "Enter" && event.target.closest?.("button, summary"))) return;
    event.preventDefault();
    act();
  },

  common: {
    "/": () => { byId("search").focus(); byId("search").select(); },
    "?": () => App.help(),
    t: () => Theme.turn(),
    Escape: () => App.escape(),
  },

  ofTable: {
    j: () => App.overview.move(1), ArrowDown: () => App.overview.move(1),
    k: () => App.overview.move(-1), ArrowUp: () => App.overview.move(-1),
    PageDown: () => App.overview.move(20), PageUp: () => App.overview.move(-20),
    Home: () => App.overview.move(-1e9), End: () => App.overview.move(1e9),
    Enter: () => App.overview.open(),
  },

  ofSheet: {
    j: () => App.move(1), ArrowDown: () => App.move(1), k: () => App.move(-1), ArrowUp: () => App.move(-1),
    PageDown: () => App.move(20), PageUp: () => App.move(-20),
    g: () => App.view.choose(0, true), Home: () => App.view.choose(0, true),
    G: () => App.view.choose(App.view.last, true), End: () => App.view.choose(App.view.last, true),
    n: () => App.leap(steps => steps.nextState(App.view.step, 1)), p: () => App.leap(steps => steps.nextState(App.view.step, -1)),
    "]": () => App.leap(steps => steps.nextStart(App.view.step, 1)), "[": () => App.leap(steps => steps.nextStart(App.view.step, -1)),
    u: () => App.leap(steps => {
      const start = steps.walk.starts[lowerBound(steps.walk.starts, App.view.step + 1) - 1];
      return start === undefined ? -1 : steps.walk.prev[start];
    }),
    b: () => App.view.goBack(),
    s: () => App.view.walk && App.view.tab(App.view.shownTab === "source" ? "insns" : "source"),
    c: () => App.view.showCost(),
    Enter: () => { App.view.nextHit(1); },
  },

  move(by) {
    const { view } = App;
    if (view.walk) view.choose(Math.max(0, Math.min(view.last, view.step + by)));
  },

  leap(find) {
    if (!App.view.steps) return;
    const step = find(App.view.steps);
    if (step >= 0) App.view.choose(step, true);
  },

  escape() {
    if (byId("help").open) byId("help").close();
    else if (App.view?.cost && !App.view.cost.hidden) App.view.showCost(false);
    else if (App.view && App.only === null) location.hash = "table";
  },

  buildHelp() {
    const rows = KEYS.map(([keys, words]) => el("tr", "", el("th", "", ...keys.split("  ").flatMap((key, at) => [at ? " " : "", el("kbd", "", key)])), el("td", "", words)));
    byId("help").replaceChildren(el("h2", "", "Keys"), el("table", "", ...rows), el("p", "quiet", "verdict " + App.index.version));
    byId("help").addEventListener("click", event => { if (event.target === byId("help")) byId("help").close(); });
  },

  help() {
    const help = byId("help");
    if (help.open) help.close(); else help.showModal();
  },
};

App.start();
