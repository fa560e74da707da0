// The table of all programs.
"use strict";

class Overview {
  constructor(index) {
    this.index = index;
    this.node = byId("overview");
    this.chosen = 0;
    this.shown = index.rows.map((_, at) => at);
    this.list = new RowList("programs", 26, at => this.row(at));
    this.list.node.style.setProperty("--kernels", index.kernels.length);
    const head = el("div", "program head", el("span", "object", "Object"), el("span", "name", "Program"));
    for (const kernel of index.kernels) head.append(el("span", "cell", kernel));
    head.style.setProperty("--kernels", index.kernels.length);
    this.empty = el("p", "quiet", "No program matches.");
    this.node.replaceChildren(this.summary(), head, this.list.node, this.empty);
    if (index.unusable.length) {
      const list = el("ul", "", ...index.unusable.map(message => el("li", "mono", message)));
      this.node.append(el("section", "unusable", el("h2", "", count(index.unusable.length, "unusable input")), list));
    }
  }

  // By kernel how many programs ended how.
  summary() {
    const lines = this.index.kernels.map((kernel, at) => {
      const of = outcome => this.index.rows.filter(row => row.cells[at]?.outcome === outcome).length;
      return el("p", "summary", el("b", "", kernel), " ",
        el("span", "accepted", of("accepted") + " accepted"), " ",
        el("span", "refused", of("refused") + " refused"), " ",
        of("unsupported") ? el("span", "unsupported", of("unsupported") + " unsupported") : "", " ",
        of("gave-up") ? el("span", "gave-up", of("gave-up") + " given up") : "");
    });
    return el("section", "summaries", el("h1", "", this.index.title + ": " + count(this.index.rows.length, "program")), ...lines,
      ...this.index.notes.map(note => el("p", "caveat", note)),
      el("p", "quiet", "A refusal opens its explanation and the failing path. A program that is accepted is shown step by step by “verdict log --html”."));
  }

  filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const has = row => {
      const cells = row.cells.map(cell => cell ? cell.outcome + " " + this.ruleName(cell) : "");
      const all = [row.object, row.program ?? "", ...cells].join(" ").toLowerCase();
      return words.every(word => all.includes(word));
    };
    this.shown = [];
    this.index.rows.forEach((row, at) => { if (has(row)) this.shown.push(at); });
    this.chosen = 0;
    this.draw();
    return this.shown.length;
  }

  draw() {
    this.empty.hidden = this.shown.length > 0;
    this.list.setLength(this.shown.length);
  }

  ruleName(cell) {
    const rule = cell.rule && this.index.rules[cell.rule];
    return rule ? cell.rule + " " + rule.name : cell.rule ?? "";
  }

  row(at) {
    const row = this.index.rows[this.shown[at]];
    const before = at > 0 ? this.index.rows[this.shown[at - 1]] : null;
    const same = before?.object === row.object;
    const node = el("div", "program" + (at === this.chosen ? " chosen" : "") + (same ? " same" : ""),
      el("span", "object", row.object), el("span", "name", row.program ?? "(the object itself)"));
    this.index.kernels.forEach((_, kernel) => node.append(this.cell(row.cells[kernel])));
    node.addEventListener("click", () => { this.chosen = at; this.list.draw(); });
    return node;
  }

  cell(cell) {
    if (!cell) return el("span", "cell quiet", "–");
    const node = el("span", "cell " + cell.outcome);
    const title = cell.words ?? "";
    if (cell.outcome === "accepted") {
      node.append("✓ ", cell.figures ? count(cell.figures[0], "insn") + ", " + count(cell.figures[1], "state") : "");
    } else if (cell.outcome === "refused") {
      node.append("✗ ", this.ruleName(cell) || title);
    } else {
      node.append("? ", title);
    }
    node.title = title;
    if (cell.sheet === null) return node;
    return button("cell link " + cell.outcome, node.textContent, title, () => { location.hash = "sheet=" + cell.sheet; });
  }

  move(by) {
    if (!this.shown.length) return;
    this.chosen = Math.max(0, Math.min(this.shown.length - 1, this.chosen + by));
    this.list.reveal(this.chosen);
  }

  open() {
    const row = this.index.rows[this.shown[this.chosen]];
    const cell = row?.cells.find(cell => cell && cell.sheet !== null);
    if (cell) location.hash = "sheet=" + cell.sheet;
  }
}
