// What went wrong, with its reason, and what a person can do about it.

/** Shows problems in `box`, an alert. */
export class Problems {
  #box;
  #shown = ""; // so that a screen reader hears the same problem once

  constructor(box) {
    this.#box = box;
  }

  /** Show a Problem; `remedies`: `[{text, act, field}]`, buttons, with a field for text before that `act` gets. */
  show({ title, reason }, remedies = []) {
    if (this.#shown === title + reason) return;
    this.#shown = title + reason;
    const [head, text] = ["h3", "p"].map((tag) => document.createElement(tag));
    head.textContent = title;
    text.textContent = reason;
    this.#box.replaceChildren(head, text, ...remedies.map(remedyForm));
    this.#box.hidden = false;
  }

  /** Show none. */
  clear() {
    this.#shown = "";
    this.#box.hidden = true;
    this.#box.replaceChildren();
  }
}

function remedyForm({ text, act, field }) {
  const [form, button, label, input] = ["form", "button", "label", "input"].map((tag) => document.createElement(tag));
  form.className = "remedy";
  button.className = "button";
  button.textContent = text;
  if (field) {
    label.textContent = field;
    input.type = "password";
    input.autocomplete = "off";
    label.append(input);
    form.append(label);
  }
  form.append(button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(input.value);
  });
  return form;
}
