// The state at a step: registers and stack slots, where their values are from, and what the step changes.
"use strict";

class StatePane {
  constructor(walk, go) {
    this.walk = walk;
    this.go = go;
    this.node = el("section", "state");
  }

  show(row) {
    const { walk } = this;
    const state = walk.stateAt(row), precise = walk.preciseAt(row);
    const effect = new Map(walk.effectOf(row).map(change => [change.place, change.text]));
    const next = walk.next(row);
    const after = next < 0 ? walk.frame[row] : walk.frame[next];
    const out = [this.head(row)];
    const seen = new Set();
    let caller = row;
    for (let frame = walk.frame[row]; frame >= 0; frame--) {
      out.push(this.frameHead(frame, caller));
      caller = caller < 0 ? -1 : walk.caller[caller];
      const table = el("table", "");
      for (const place of walk.ofFrame[frame] ?? []) {
        seen.add(place);
        const changed = effect.get(place);
        const { at } = walk.places[place];
        if (state.text[place] === 0 && changed === undefined) continue;
        table.append(this.line(row, place, state, precise.get(place), frame > after && at !== HELD ? undefined : changed));
      }
      out.push(table);
    }
    const entered = [...effect.keys()].filter(place => !seen.has(place));
    if (entered.length) {
      const table = el("table", "");
      for (const place of entered) table.append(this.line(row, place, walk.emptyState(), undefined, effect.get(place)));
      out.push(el("h3", "", "frame " + after + " · entered by this step"), table);
    }
    this.node.replaceChildren(...out);
  }

  head(row) {
    const { walk } = this;
    const about = ["insn " + walk.insn[row]];
    const node = el("div", "state-head", el("h2", "", "Step " + walk.name(row).toLocaleString("en")), el("span", "quiet", about.join(", ")));
    const marks = [];
    if (walk.checkpoint[row]) marks.push("● The state before this step is kept: a checkpoint, with which later ones are compared.");
    if (walk.pruned[row]) marks.push("✂ The path ends here: an explored state stands for the rest.");
    if (walk.misses[row]) marks.push(count(walk.misses[row], "explored state") + " compared, and none stood for this one.");
    if (walk.back[row]) marks.push("◆ This step relied on a number: it was followed back, " + count(walk.back[row], "instruction") + " in all.");
    if (walk.data.prune_points.includes(walk.insn[row]) && !walk.checkpoint[row]) marks.push("Prune point: states are compared here, and may be kept.");
    for (const mark of marks) node.append(el("p", "mark", mark));
    const reasons = walk.misses[row] ? walk.listing.mismatches.filter(([insn]) => insn === walk.insn[row]) : [];
    if (reasons.length) {
      const rows = reasons.slice(0, 6).map(([, times, text]) => el("li", "", text + " (" + times.toLocaleString("en") + "×)"));
      node.append(el("details", "", el("summary", "", "What differed at this instruction, over all its steps"), el("ul", "", ...rows)));
    }
    return node;
  }

  frameHead(frame, row) {
    const { walk } = this;
    const name = row < 0 ? "" : walk.listing.functions[walk.listing.function_of[walk.insn[row]]] ?? "";
    return el("h3", "", "frame " + frame + (name ? " · " + name : ""));
  }

  // A place before the step, and what the step makes of it.
  line(row, place, state, precise, changed) {
    const { walk } = this;
    const before = walk.texts[state.text[place]];
    const node = el("tr", changed === undefined ? "" : "changed");
    const name = el("th", "", walk.placeName(place));
    if (precise !== undefined) {
      const mark = el("span", "precise", "P");
      mark.title = "Relied upon: this number has to be known precisely (step " + precise.toLocaleString("en") + ")";
      name.append(mark);
    }
    const value = el("td", "", el("span", before ? "" : "quiet", ...breakable(before || "nothing")));
    if (changed !== undefined) value.append(el("span", "new", ...breakable("→\u00a0" + (walk.texts[changed] || "nothing"))));
    const since = state.text[place] ? state.since[place] : -1;
    const from = el("td", "from", since >= 0 ? button("", "#" + walk.name(since), "Go to the step that it is from", () => this.go(since)) : "");
    node.append(name, value, from);
    node.dataset.place = walk.placeName(place);
    node.addEventListener("mouseenter", () => Tip.show(node, originOf(walk, row, place, state, precise)));
    node.addEventListener("mouseleave", Tip.hide);
    return node;
  }
}

// A value that may be broken behind its commas.
function breakable(text) {
  return text.split(/(?<=,)/).flatMap((part, at) => at ? [el("wbr", ""), part] : [part]);
}

// What is to be said of a value's origin.
function originOf(walk, row, place, state, precise) {
  const value = walk.texts[state.text[place]];
  const out = [el("div", "value", el("b", "", walk.placeName(place)), " = ", value || "nothing")];
  if (!state.text[place]) return out;
  const since = state.since[place], wrote = state.wrote[place];
  if (wrote >= 0) out.push(...stepWords(walk, "written by", wrote));
  else if (since < 0) out.push(el("div", "", walk.first > 0 ? "from before the steps that are kept" : "there at the beginning"));
  if (since >= 0 && since !== wrote) out.push(...stepWords(walk, "as it is now since", since));
  if (precise !== undefined) out.push(el("div", "", "relied upon by step " + precise.toLocaleString("en")));
  return out;
}

function stepWords(walk, words, row) {
  const insn = walk.insn[row], { listing } = walk;
  const out = [el("div", "", words + " step " + walk.name(row).toLocaleString("en") + ":"), el("div", "mono", insn + ": " + (listing.insns[insn] ?? ""))];
  const line = lineText(listing, insn);
  if (line) out.push(el("div", "mono quiet", line));
  return out;
}

function lineText(listing, insn) {
  const line = listing.lines[listing.line_of[insn]];
  return line ? listing.files[line[0]] + ":" + line[1] + "  " + line[2].trim() : "";
}
