// Tabs, as the ARIA pattern has them: one of them in the order of focus, arrows go from one to the next.

/** Makes a tab list of `list`. Calls `chosen(id)` with the id of a tab when that is shown. */
export class Tabs {
  #tabs;
  #chosen;

  constructor(list, chosen) {
    this.#tabs = [...list.querySelectorAll('[role="tab"]')];
    this.#chosen = chosen;
    for (const tab of this.#tabs) tab.addEventListener("click", () => this.show(tab.id));
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The id of the tab that is shown. */
  get shown() {
    return this.#tabs.find((tab) => tab.getAttribute("aria-selected") === "true").id;
  }

  /** Show the panel of the tab of that id. */
  show(id) {
    if (id === this.shown) return;
    for (const tab of this.#tabs) {
      const isShown = tab.id === id;
      tab.setAttribute("aria-selected", String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isShown;
    }
    this.#chosen(id);
  }

  #key(event) {
    const count = this.#tabs.length;
    const at = this.#tabs.indexOf(document.activeElement);
    const to = { ArrowLeft: at + count - 1, ArrowRight: at + 1, Home: 0, End: count - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const tab = this.#tabs[to % count];
    tab.focus();
    this.show(tab.id);
  }
}
