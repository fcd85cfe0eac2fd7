// The answer: the likeliest class, the first five as bars, the time it took, and the same in words for a screen reader.

import { percent, timeText } from "./words.js";

const NOTHING = "?";
const QUIET = 700; // milliseconds without a new answer, before it is announced

/** Shows answers in `elements`: label, share, bars, times, spoken. */
export class Answer {
  #elements;
  #rows = [];
  #timer = 0;

  constructor(elements) {
    this.#elements = elements;
    this.clear();
  }

  /** Show an answer of the server, and the milliseconds from question to answer. */
  show({ top, milliseconds }, whole) {
    const [best] = top;
    this.#elements.label.dataset.empty = "false";
    this.#elements.label.textContent = best.label;
    this.#elements.label.dataset.long = String(best.label.length > 3);
    this.#elements.share.textContent = percent(best.probability);
    top.forEach((one, i) => this.#row(i, one.label, one.probability));
    for (const row of this.#rows.splice(top.length)) row.item.remove();
    this.#times({ "in the network": milliseconds.run, decoding: milliseconds.decode, "there and back": whole });
    this.#announce(`${best.label}, ${percent(best.probability)}`);
  }

  /** Show that there is no answer. */
  clear() {
    this.#elements.label.textContent = NOTHING;
    Object.assign(this.#elements.label.dataset, { long: "false", empty: "true" });
    this.#elements.share.textContent = "";
    for (let i = 0; i < 5; i++) this.#row(i, "", 0);
    this.#elements.times.replaceChildren();
    clearTimeout(this.#timer);
  }

  /** Announce a text now. */
  say(text) {
    clearTimeout(this.#timer);
    this.#elements.spoken.textContent = text;
  }

  #row(i, label, probability) {
    this.#rows[i] ??= this.#newRow();
    const { name, bar, share, item } = this.#rows[i];
    name.textContent = label || "\u2013";
    name.title = label; // where there is no room for all of it
    bar.style.setProperty("--share", Math.min(1, Math.max(0, probability)));
    share.textContent = label ? percent(probability) : "";
    item.classList.toggle("blank", !label);
  }

  #newRow() {
    const [item, name, bar, share] = ["li", "span", "span", "span"].map((tag) => document.createElement(tag));
    item.className = "bar-row";
    [name.className, bar.className, share.className] = ["bar-name", "bar", "bar-share"];
    bar.setAttribute("aria-hidden", "true");
    item.append(name, bar, share);
    this.#elements.bars.append(item);
    return { item, name, bar, share };
  }

  #times(values) {
    const groups = Object.entries(values).map(([what, milliseconds]) => {
      const [group, term, value] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
      term.textContent = what;
      value.textContent = timeText(milliseconds);
      group.append(term, value);
      return group;
    });
    this.#elements.times.replaceChildren(...groups);
  }

  #announce(text) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#elements.spoken.textContent !== text) this.#elements.spoken.textContent = text;
    }, QUIET);
  }
}
