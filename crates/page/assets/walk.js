// A walk as it is recorded, and the state at each of its steps. Rows are numbered from 0 here, whatever their numbers in
// the verification are.
"use strict";

const REGS = 11, SLOTS = 64, HELD = REGS + SLOTS, WIDTH = HELD + 1;
const BRANCH = 1 << 11;
// How far apart states are kept, along a path.
const SNAPSHOT = 256;

// Runs of the same number as an array.
function unrun(runs, Type) {
  let length = 0;
  for (const run of runs) length += run[1];
  const out = new Type(length);
  let at = 0;
  for (const [value, count] of runs) { out.fill(value, at, at + count); at += count; }
  return out;
}

// Differences as sums.
function sums(differences, Type) {
  const out = Type.from(differences);
  for (let i = 1; i < out.length; i++) out[i] += out[i - 1];
  return out;
}

class Walk {
  constructor(data, listing) {
    this.data = data;
    this.listing = listing;
    this.first = data.first;
    this.insn = sums(data.insn, Int32Array);
    this.length = this.insn.length;
    this.nr = sums(unrun(data.nr, Int32Array), Int32Array);
    this.frame = unrun(data.frame, Uint8Array);
    this.texts = data.texts;
    this.readPaths();
    this.readChanges();
    this.readMarks();
    this.keepStates();
  }

  readPaths() {
    const n = this.length;
    this.prev = new Int32Array(n);
    for (let i = 0; i < n; i++) this.prev[i] = i - 1;
    this.starts = [];
    for (const [row, prev] of this.data.starts) {
      this.prev[row - this.first] = prev < 0 ? -1 : prev - this.first;
      this.starts.push(row - this.first);
    }
    if (n && this.starts[0] !== 0) this.starts.unshift(0);
    // How deep a row lies in its path, and the row that called the function it is in.
    this.depth = new Int32Array(n);
    this.caller = new Int32Array(n).fill(-1);
    for (let i = 0; i < n; i++) {
      const prev = this.prev[i];
      if (prev < 0) continue;
      this.depth[i] = this.depth[prev] + 1;
      let caller = this.caller[prev];
      if (this.frame[i] > this.frame[prev]) caller = prev;
      for (let f = this.frame[prev]; f > this.frame[i] && caller >= 0; f--) caller = this.caller[caller];
      this.caller[i] = caller;
    }
  }

  readChanges() {
    const { changes, places, values } = this.data;
    this.end = sums(changes, Uint32Array);
    this.text = new Uint32Array(values.length);
    for (let i = 0, newest = 0; i < values.length; i++) {
      const value = values[i];
      this.text[i] = value === 0 ? ++newest : newest - value + 1;
    }
    // Places that occur, the registers of a frame before its slots.
    const known = Array.from(new Set(places)).sort((a, b) => a - b);
    const numbers = new Map(known.map((place, at) => [place, at]));
    this.places = known.map(place => ({ frame: Math.floor(place / WIDTH), at: place % WIDTH }));
    this.place = Uint16Array.from(places, place => numbers.get(place));
    this.ofFrame = [];
    this.places.forEach((place, at) => (this.ofFrame[place.frame] ??= []).push(at));
  }

  readMarks() {
    const flags = rows => {
      const out = new Uint8Array(this.length);
      for (const row of rows) out[row - this.first] = 1;
      return out;
    };
    const counts = pairs => {
      const out = new Uint32Array(this.length);
      for (const [row, count] of pairs) out[row - this.first] = count;
      return out;
    };
    this.checkpoint = flags(this.data.checkpoints);
    this.pruned = flags(this.data.pruned);
    this.misses = counts(this.data.misses);
    this.back = counts(this.data.back);
    const { row, set, by, sets } = this.data.precise;
    this.markRow = sums(unrun(row, Int32Array), Int32Array);
    this.markSet = unrun(set, Uint32Array);
    this.markBy = sums(unrun(by, Int32Array), Int32Array);
    this.sets = sets;
    this.words = new Map();
    for (const [row, text] of this.data.words) this.words.set(row - this.first, text);
  }

  // The number of a step as it is shown.
  name(row) { return this.nr[row]; }

  // The row of a processed instruction, if it is here.
  rowOf(nr) {
    const at = lowerBound(this.nr, nr);
    return at < this.length && this.nr[at] === nr ? at : -1;
  }

  // The row that follows on the same path, right behind.
  next(row) { return row + 1 < this.length && this.prev[row + 1] === row ? row + 1 : -1; }

  changesOf(row) {
    const out = [];
    for (let c = row ? this.end[row - 1] : 0; c < this.end[row]; c++) out.push({ place: this.place[c], text: this.text[c] });
    return out;
  }

  // What an instruction changes: what the next row on its path has otherwise.
  effectOf(row) {
    const next = this.next(row);
    return next < 0 ? [] : this.changesOf(next);
  }

  emptyState() {
    const n = this.places.length;
    return { text: new Uint32Array(n), since: new Int32Array(n).fill(-1), wrote: new Int32Array(n).fill(-1) };
  }

  copyState(state) {
    return { text: state.text.slice(), since: state.since.slice(), wrote: state.wrote.slice() };
  }

  // Makes the state before a row of the one before the row that it follows.
  apply(state, row) {
    const prev = this.prev[row];
    const frame = this.frame[row];
    if (prev >= 0 && frame > this.frame[prev]) {
      for (const place of this.ofFrame[frame] ?? []) state.text[place] = 0;
    }
    const kind = prev < 0 ? 0 : this.listing.kinds[this.insn[prev]];
    for (let c = row ? this.end[row - 1] : 0; c < this.end[row]; c++) {
      const place = this.place[c];
      const { at } = this.places[place];
      const writes = at < REGS ? (kind >> at & 1) !== 0 : (kind & BRANCH) === 0;
      if (writes || state.text[place] === 0) state.wrote[place] = prev;
      state.text[place] = this.text[c];
      state.since[place] = prev;
    }
  }

  keepStates() {
    this.kept = new Map();
    let state = this.emptyState();
    for (let i = 0; i < this.length; i++) {
      const prev = this.prev[i];
      if (prev < 0) state = this.emptyState();
      else if (prev !== i - 1) state = this.stateAt(prev);
      this.apply(state, i);
      if (this.depth[i] % SNAPSHOT === 0) this.kept.set(i, this.copyState(state));
    }
  }

  // The state before a row.
  stateAt(row) {
    const way = [];
    let at = row;
    while (!this.kept.has(at)) { way.push(at); at = this.prev[at]; }
    const state = this.copyState(this.kept.get(at));
    while (way.length) this.apply(state, way.pop());
    return state;
  }

  // Which places were relied upon before a row: by place the processed instruction that did.
  preciseAt(row) {
    const out = new Map();
    const number = row + this.first;
    for (let m = lowerBound(this.markRow, number); m < this.markRow.length && this.markRow[m] === number; m++) {
      const [frame, regs, low, high] = this.sets[this.markSet[m]];
      for (const place of this.ofFrame[frame] ?? []) {
        const { at } = this.places[place];
        const slot = at - REGS;
        const marked = at < REGS ? regs >> at & 1 : slot < 32 ? low >>> slot & 1 : slot < SLOTS && high >>> (slot - 32) & 1;
        if (marked) out.set(place, this.markBy[m]);
      }
    }
    return out;
  }

  isPrecise(row) {
    const at = lowerBound(this.markRow, row + this.first);
    return at < this.markRow.length && this.markRow[at] === row + this.first;
  }

  placeOf(frame, at) {
    return (this.ofFrame[frame] ?? []).find(place => this.places[place].at === at) ?? -1;
  }

  placeName(place) {
    const { at } = this.places[place];
    if (at < REGS) return "r" + at;
    return at === HELD ? "held" : "fp-" + 8 * (at - REGS + 1);
  }

  // The last row not behind this one, on its path, that is at an instruction.
  lastAt(insn, from) {
    for (let row = from; row >= 0; row = this.prev[row]) if (this.insn[row] === insn) return row;
    return -1;
  }
}

// The first place in an ascending list that is not below a number.
function lowerBound(list, number) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < number) low = middle + 1; else high = middle;
  }
  return low;
}
