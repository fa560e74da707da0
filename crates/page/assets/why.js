// Why a program is refused.
"use strict";

// Builds the explanation of a sheet. `go` shows the last step at an instruction.
function explanationOf(sheet, rules, go) {
  const { explanation, cell } = sheet;
  const out = [];
  const code = explanation?.rule ?? cell.rule;
  const rule = code && rules[code];
  if (rule) {
    out.push(el("h2", "rule", el("span", "code", code), " ", rule.name));
    out.push(el("p", "sentence", rule.sentence, el("span", "quiet", " · " + rule.category)));
  }
  if (explanation?.primary) out.push(siteOf(explanation.primary.site, explanation.primary.words, "primary", go));
  else if (sheet.place && !explanation) out.push(placeOf(sheet.place, go));
  for (const cause of explanation?.causes ?? []) out.push(causeOf(cause, go));
  const remedies = explanation?.remedies ?? [];
  if (remedies.length) out.push(el("h3", "", "What to change"), ...remedies.map(remedy => remedyOf(remedy, go)));
  else if (sheet.advice) out.push(el("h3", "", "What to change"), el("p", "remedy", sheet.advice));
  for (const note of explanation?.notes ?? []) out.push(el("p", "note", el("b", "", "note: "), note));
  if (explanation?.path?.length) out.push(conditionsOf(explanation, go));
  if (sheet.fact && !explanation) out.push(el("p", "note", sheet.fact));
  const said = explanation ? sheet.said.split("\n").filter(line => !isStep(line)).join("\n") : sheet.said;
  if (said.trim()) out.push(el("h3", "", (cell.words ?? "Refused") + ", in its own words"), el("pre", "said", said.trimEnd()));
  if (rule) {
    out.push(el("details", "page", el("summary", "", "About " + code), el("pre", "", rule.page)));
  }
  return out;
}

// Whether a line of the kernel's log shows an instruction, source or a state: the steps have those.
function isStep(line) { return /^(\d+: |; |cur state: |old state: |from )/.test(line); }

function sourceName(source) {
  const name = source.file.split("/").pop() + ":" + source.line;
  return source.column ? name + ":" + source.column : name;
}

// A place with its source line and a mark below what is meant.
function siteOf(site, words, className, go) {
  const node = el("div", "site " + className);
  if (words) node.append(el("p", "words", words));
  const where = site.source ? sourceName(site.source) : "insn " + site.insn;
  node.append(button("where", where, "Go to the step", () => go(site.insn)));
  if (site.source) {
    const { text, column, length = 1 } = site.source;
    const shown = text.replaceAll("\t", " ");
    const indent = shown.length - shown.trimStart().length;
    const line = el("pre", "source", shown.trim());
    const from = column - 1 - indent;
    if (column > 0 && from >= 0 && from <= line.textContent.length) {
      line.append("\n", " ".repeat(from), el("span", "caret", "^".repeat(Math.max(1, Math.min(length, line.textContent.length - from)))));
    }
    node.append(line);
  }
  node.append(el("div", "mono insn", site.insn + ": " + site.text));
  return node;
}

function placeOf(place, go) {
  const node = el("div", "site primary");
  if (place.source) node.append(el("div", "where", place.source[0]), el("pre", "source", place.source[1].trim()));
  node.append(button("where", place.insn + ": " + place.text, "Go to the step", () => go(place.insn)));
  return node;
}

function range({ min, max }) {
  // The ends of 64 bits are no numbers of JavaScript.
  if (!Number.isSafeInteger(min) && !Number.isSafeInteger(max)) return "any number";
  const end = (number, words) => Number.isSafeInteger(number) ? String(number) : words;
  return min === max ? String(min) : end(min, "anything") + " to " + end(max, "anything");
}

function causeOf(cause, go) {
  let words = cause.words + (cause.place ? " [" + cause.place + "]" : "");
  const node = siteOf(cause.site, words, "cause", go);
  const text = [cause.before && "before " + range(cause.before), cause.after && "after " + range(cause.after)];
  // Words that have the numbers say it better.
  const told = cause.before && cause.words.includes(String(cause.before.max));
  if (!told && text.some(Boolean)) node.append(el("div", "quiet", text.filter(Boolean).join(", ")));
  return node;
}

function conditionsOf(explanation, go) {
  const list = el("ol", "conditions");
  for (const { site, taken } of explanation.path) {
    const text = site.source ? sourceName(site.source) + "  " + site.source.text.trim() : site.insn + ": " + site.text;
    list.append(el("li", "", button("where", text, "Go to the step", () => go(site.insn)), el("span", "quiet", taken ? " taken" : " not taken")));
  }
  const others = explanation.other_conditions;
  return el("div", "", el("h3", "", "The way"), list, others ? el("p", "quiet", "and " + count(others, "other condition")) : null);
}

function remedyOf(remedy, go) {
  const tried = { verified: "verified", partly: "tried", untried: "untried" }[remedy.tried] ?? remedy.tried;
  const node = el("div", "remedy", el("span", "badge " + remedy.tried, tried), " ", remedy.words);
  if (remedy.site) {
    const where = remedy.site.source ? sourceName(remedy.site.source) : "insn " + remedy.site.insn;
    node.append(" ", remedy.behind ? "behind " : "at ", button("where", where, "Go to the step", () => go(remedy.site.insn)));
  }
  if (remedy.others?.length) {
    const head = remedy.tried === "partly" ? "This refusal is gone then, and the next is: " : "Together with what is refused next: ";
    node.append(el("div", "quiet", head + remedy.others.join("; ")));
  }
  return node;
}
