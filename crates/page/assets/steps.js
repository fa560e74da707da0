// The steps of a walk as a list, and the program beside them.
"use strict";

const ROW = 20;
// Kinds of rows of the list.
const STEP = 0, SOURCE = 1, START = 2, WORDS = 3, NOTE = 4;

class Steps {
  // `notes` are words that belong to steps, by row; `refused` that the last step is where it failed.
  constructor(walk, notes, refused, choose) {
    this.walk = walk;
    this.refused = refused;
    this.notes = notes;
    this.choose = choose;
    this.chosen = -1;
    this.found = null;
    this.layOut();
    this.list = new RowList("steps mono", ROW, at => this.row(at));
    this.node = this.list.node;
    this.list.setLength(this.rows.length);
  }

  // Which rows there are: kind and step, and of words which of the lines.
  layOut() {
    const { walk } = this, { listing } = walk;
    const rows = [], lines = [];
    this.rowOf = new Int32Array(walk.length);
    let shown = -1;
    const put = (kind, step, line = 0) => { rows.push(step * 8 + kind); lines.push(line); };
    for (let i = 0; i < walk.length; i++) {
      if (walk.prev[i] !== i - 1 || i === 0) { put(START, i); shown = -1; }
      const line = listing.line_of[walk.insn[i]] ?? -1;
      if (line >= 0 && line !== shown) { put(SOURCE, i); shown = line; }
      this.rowOf[i] = rows.length;
      put(STEP, i);
      (this.notes.get(i) ?? []).forEach((_, at) => put(NOTE, i, at));
      this.wordsOf(i).forEach((_, at) => put(WORDS, i, at));
    }
    this.rows = Float64Array.from(rows);
    this.lines = Int32Array.from(lines);
  }

  wordsOf(step) {
    const words = this.walk.words.get(step);
    // What introduces a state in the log is none of its words here.
    const head = /^((cur|old) state:.*|callers?:|callee:|returning from callee:|to caller at \d+:)$/;
    return words ? words.trim().split("\n").filter(line => !head.test(line)) : [];
  }

  row(at) {
    const step = Math.floor(this.rows[at] / 8), kind = this.rows[at] % 8;
    switch (kind) {
      case SOURCE: return this.sourceRow(step);
      case START: return this.startRow(step);
      case WORDS: return el("div", "row words" + (this.refused && step === this.walk.length - 1 ? " last" : ""), this.wordsOf(step)[this.lines[at]]);
      case NOTE: return this.noteRow(step, this.notes.get(step)[this.lines[at]]);
      default: return this.stepRow(step);
    }
  }

  noteRow(step, note) {
    const node = el("div", "row note " + note.kind, note.words);
    node.title = note.words;
    node.addEventListener("click", () => this.choose(step));
    return node;
  }

  sourceRow(step) {
    const { listing } = this.walk;
    const [file, number, text] = listing.lines[listing.line_of[this.walk.insn[step]]];
    const node = el("div", "row source", el("span", "text", text.trim()), el("span", "quiet", listing.files[file] + ":" + number));
    node.addEventListener("click", () => this.choose(step));
    return node;
  }

  startRow(step) {
    const { walk } = this, prev = walk.prev[step];
    if (prev < 0) {
      const name = walk.listing.functions[walk.listing.function_of[walk.insn[step]]] ?? "";
      const words = step + walk.first > 0 && walk.data.path ? "the path begins before the steps that are kept" : "begin of " + name;
      return el("div", "row start", words);
    }
    const node = el("div", "row start", "back to the fork at ",
      button("", "step " + walk.name(prev).toLocaleString("en"), "Go there", () => this.choose(prev)),
      " (insn " + walk.insn[prev] + ")");
    return node;
  }

  stepRow(step) {
    const { walk } = this, insn = walk.insn[step];
    const node = el("div", "row step" + (step === this.chosen ? " chosen" : "") + (this.found?.has(step) ? " found" : ""));
    const marks = el("span", "marks", walk.checkpoint[step] ? "●" : walk.pruned[step] ? "✂" : this.prunePoints().has(insn) ? "○" : " ",
      walk.back[step] ? "◆" : " ", walk.isPrecise(step) ? "P" : " ");
    marks.title = marksTitle(walk, step);
    const text = walk.listing.insns[insn] ?? "";
    node.append(el("span", "nr", String(walk.name(step))), marks,
      el("span", "idx", "  ".repeat(walk.frame[step]) + insn + ":"), this.instruction(step, text), this.effect(step));
    node.dataset.step = walk.name(step);
    node.addEventListener("click", () => this.choose(step));
    return node;
  }

  prunePoints() { return this.points ??= new Set(this.walk.data.prune_points); }

  // The instruction, its registers with their values' origins behind them.
  instruction(step, text) {
    const node = el("span", "insn");
    let at = 0;
    for (const match of text.matchAll(/\b[rw](10|[0-9])\b/g)) {
      node.append(text.slice(at, match.index));
      const reg = el("span", "reg", match[0]);
      reg.addEventListener("mouseenter", () => this.tell(reg, step, Number(match[1])));
      reg.addEventListener("mouseleave", Tip.hide);
      node.append(reg);
      at = match.index + match[0].length;
    }
    node.append(text.slice(at));
    return node;
  }

  tell(anchor, step, reg) {
    const { walk } = this;
    const place = walk.placeOf(walk.frame[step], reg);
    if (place < 0) return;
    Tip.show(anchor, originOf(walk, step, place, walk.stateAt(step), walk.preciseAt(step).get(place)));
  }

  // What the step changes.
  effect(step) {
    const { walk } = this;
    if (walk.pruned[step]) return el("span", "effect safe", "safe: explored already");
    const parts = [];
    for (const { place, text } of walk.effectOf(step)) {
      if (text !== 0) parts.push(walk.placeName(place) + "=" + walk.texts[text]);
    }
    const node = el("span", "effect", parts.join(" "));
    node.title = node.textContent;
    return node;
  }

  show(step) {
    this.chosen = step;
    // Source and path above it are seen, too.
    this.list.reveal(this.rowOf[step]);
  }

  // Steps that have a text: in the instruction, its source line, what it changes, or the kernel's words.
  search(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) { this.found = null; this.list.draw(); return []; }
    const { walk } = this, { listing } = walk;
    const has = string => string !== null && string !== undefined && string.toLowerCase().includes(wanted);
    const insns = listing.insns.map(has);
    const lines = listing.lines.map(line => has(line[2]) || has(listing.files[line[0]] + ":" + line[1]));
    const texts = walk.texts.map(has);
    const found = [];
    const number = /^#\d+$/.test(wanted) ? walk.rowOf(Number(wanted.slice(1))) : -1;
    for (let i = 0; i < walk.length; i++) {
      const insn = walk.insn[i];
      let is = i === number || insns[insn] || lines[listing.line_of[insn]] || (walk.words.has(i) && has(walk.words.get(i)));
      const next = walk.next(i);
      for (let c = next < 0 ? 0 : walk.end[i]; !is && next >= 0 && c < walk.end[next]; c++) is = texts[walk.text[c]];
      if (is) found.push(i);
    }
    this.found = new Set(found);
    this.list.draw();
    return found;
  }

  // The next step, forwards or backwards, at which the search for explored states did something.
  nextState(from, by) {
    const { walk } = this;
    for (let i = from + by; i >= 0 && i < walk.length; i += by) if (walk.checkpoint[i] || walk.pruned[i]) return i;
    return -1;
  }

  nextStart(from, by) {
    const { starts } = this.walk;
    const at = lowerBound(starts, from);
    if (by < 0) return starts[at - 1] ?? -1;
    return starts[starts[at] === from ? at + 1 : at] ?? -1;
  }
}

function marksTitle(walk, step) {
  const words = [];
  if (walk.checkpoint[step]) words.push("checkpoint: the state before this step is kept");
  if (walk.pruned[step]) words.push("pruned: an explored state stands for the rest of the path");
  if (walk.back[step]) words.push("relies on a number, which was followed back");
  if (walk.isPrecise(step)) words.push("holds numbers that are relied upon");
  if (!words.length && walk.data.prune_points.includes(walk.insn[step])) words.push("prune point: states are compared here");
  return words.join("\n");
}

// The source, or the instructions: which of them is executed, and how often each was.
class Program {
  constructor(walk, choose) {
    this.walk = walk;
    this.choose = choose;
    this.chosen = -1;
    this.pointed = undefined;
    this.times();
    this.source = new RowList("code mono", ROW, at => this.sourceRow(at));
    this.insns = new RowList("code mono", ROW, at => this.insnRow(at));
    this.layOutSource();
    this.layOutInsns();
  }

  times() {
    const { walk } = this, { listing } = walk;
    this.ofInsn = new Uint32Array(listing.insns.length);
    this.ofLine = new Uint32Array(listing.lines.length);
    for (let i = 0; i < walk.length; i++) {
      const insn = walk.insn[i], line = listing.line_of[insn];
      this.ofInsn[insn]++;
      if (line >= 0) this.ofLine[line]++;
    }
    const most = list => list.reduce((a, b) => Math.max(a, b), 1);
    this.mostOfInsn = most(this.ofInsn);
    this.mostOfLine = most(this.ofLine);
  }

  // Lines by file and number; -1 - file is a head, none is a gap.
  layOutSource() {
    const { lines } = this.walk.listing;
    const order = lines.map((_, at) => at).sort((a, b) => lines[a][0] - lines[b][0] || lines[a][1] - lines[b][1]);
    this.sourceRows = [];
    let file = -1, number = 0;
    for (const at of order) {
      if (lines[at][0] !== file) { file = lines[at][0]; this.sourceRows.push({ head: this.walk.listing.files[file] }); }
      else if (lines[at][1] > number + 1) this.sourceRows.push({ gap: true });
      if (lines[at][1] === number && this.sourceRows.at(-1).line !== undefined && lines[this.sourceRows.at(-1).line][2] === lines[at][2]) this.sourceRows.at(-1).others.push(at);
      else this.sourceRows.push({ line: at, others: [] });
      number = lines[at][1];
    }
    this.rowOfLine = new Map();
    this.sourceRows.forEach((row, at) => { if (row.line !== undefined) for (const line of [row.line, ...row.others]) this.rowOfLine.set(line, at); });
    this.source.setLength(this.sourceRows.length);
  }

  layOutInsns() {
    const { listing } = this.walk;
    this.insnRows = [];
    this.rowOfInsn = new Map();
    let fn = -1, line = -1;
    listing.insns.forEach((text, insn) => {
      if (text === null) return;
      if (listing.function_of[insn] !== fn) { fn = listing.function_of[insn]; this.insnRows.push({ head: listing.functions[fn] ?? "" }); line = -1; }
      if (listing.line_of[insn] !== line) { line = listing.line_of[insn]; if (line >= 0) this.insnRows.push({ line }); }
      this.rowOfInsn.set(insn, this.insnRows.length);
      this.insnRows.push({ insn });
    });
    this.points = new Set(this.walk.data.prune_points);
    this.insns.setLength(this.insnRows.length);
  }

  // The instruction that is executed, or else pointed at.
  insn() { return this.pointed ?? (this.chosen < 0 ? -1 : this.walk.insn[this.chosen]); }

  line() { return this.walk.listing.line_of[this.insn()] ?? -1; }

  heat(node, times, most) {
    node.style.setProperty("--heat", times ? (Math.log1p(times) / Math.log1p(most)).toFixed(3) : 0);
    return node;
  }

  sourceRow(at) {
    const row = this.sourceRows[at];
    if (row.head !== undefined) return el("div", "row head", row.head);
    if (row.gap) return el("div", "row gap", "⋯");
    const [, number, text] = this.walk.listing.lines[row.line];
    const all = [row.line, ...row.others], times = all.reduce((sum, line) => sum + this.ofLine[line], 0);
    const node = el("div", "row line" + (all.includes(this.line()) ? " chosen" : "") + (times ? "" : " never"),
      el("span", "times", times ? times.toLocaleString("en") : ""), el("span", "nr", String(number)), el("span", "text", text.replaceAll("\t", "    ")));
    node.title = times ? "In " + count(times, "step") + "; a click goes to the next of them" : "In no step that is shown";
    node.addEventListener("click", () => this.goTo(insn => all.includes(this.walk.listing.line_of[insn])));
    return this.heat(node, times, this.mostOfLine);
  }

  insnRow(at) {
    const row = this.insnRows[at], { listing } = this.walk;
    if (row.head !== undefined) return el("div", "row head", row.head);
    if (row.line !== undefined) {
      const [file, number, text] = listing.lines[row.line];
      return el("div", "row source", el("span", "text", text.trim()), el("span", "quiet", listing.files[file] + ":" + number));
    }
    const { insn } = row, times = this.ofInsn[insn], current = this.insn() === insn;
    const node = el("div", "row line" + (current ? " chosen" : "") + (times ? "" : " never"),
      el("span", "times", times ? times.toLocaleString("en") : ""), el("span", "marks", this.points.has(insn) ? "○" : " "),
      el("span", "nr", insn + ":"), el("span", "text", listing.insns[insn]));
    node.title = this.points.has(insn) ? "Prune point: states are compared here" : "";
    node.addEventListener("click", () => this.goTo(other => other === insn));
    return this.heat(node, times, this.mostOfInsn);
  }

  // The next step at such an instruction, from the beginning behind the last.
  goTo(is) {
    const { walk } = this, n = walk.length;
    for (let by = 1; by <= n; by++) {
      const step = (Math.max(this.chosen, 0) + by) % n;
      // Not within the same stay at the line.
      if (is(walk.insn[step]) && (by === 1 || !is(walk.insn[(step - 1 + n) % n]) || step === 0)) {
        if (by === 1 && this.chosen >= 0 && is(walk.insn[this.chosen])) continue;
        this.choose(step);
        return;
      }
    }
  }

  show(step) {
    this.chosen = step;
    this.pointed = undefined;
    this.reveal();
  }

  reveal() {
    const line = this.rowOfLine.get(this.line());
    if (line !== undefined) this.source.reveal(line); else this.source.draw();
    const insn = this.rowOfInsn.get(this.insn());
    if (insn !== undefined) this.insns.reveal(insn); else this.insns.draw();
  }
}
