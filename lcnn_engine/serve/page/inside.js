// Inside the network: which nodes took how long, and what the layers made of the picture.

import { timeText } from "./words.js";

/**
 * Shows what the server tells of one run in `elements`: words, timeline, facts, bar, legend, activations, maps, byNode,
 * nodes.
 */
export class Inside {
  #elements;

  constructor(elements) {
    this.#elements = elements;
  }

  /** Show `{seen, timeline, activations}`. */
  show({ seen, timeline, activations }) {
    this.#elements.words.hidden = true;
    this.#timeline(timeline);
    this.#elements.activations.hidden = !activations.length && !seen;
    const first = seen ? [figure("the image", "as the network gets it", seen, "seen")] : [];
    this.#elements.maps.replaceChildren(...first, ...activations.map(activationFigure));
  }

  /** Show `text` instead. */
  explain(text) {
    this.#elements.words.textContent = text;
    this.#elements.words.hidden = false;
    const { timeline, activations, byNode } = this.#elements;
    timeline.hidden = activations.hidden = byNode.hidden = true;
  }

  #timeline({ nodes, variant, precision, threads, runs }) {
    const { timeline, byNode, facts, bar, legend } = this.#elements;
    const total = nodes.reduce((sum, node) => sum + node.milliseconds, 0) || 1;
    const longest = Math.max(...nodes.map((node) => node.milliseconds)) || 1;
    const steps = nodes.flatMap((node) => node.steps.map((step) => ({ ...step, node: node.node })));
    const cores = threads === 1 ? "1 thread" : `${threads} threads`;
    const median = runs === 1 ? "one run" : `medians of ${runs} runs`;
    timeline.hidden = byNode.hidden = false;
    facts.textContent = `${timeText(total)} on ${cores}, kernels of ${variant} in ${precision}, ${median}`;
    bar.replaceChildren(...steps.map((step) => segment(step, total)));
    legend.replaceChildren(...[...new Set(steps.map((step) => step.category))].map(legendItem));
    this.#elements.nodes.replaceChildren(...nodes.map((node) => nodeRow(node, longest)));
  }
}

function made(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function segment(step, whole) {
  const part = made("span", "segment");
  part.dataset.category = step.category;
  part.style.flexGrow = String(step.milliseconds / whole);
  part.title = `${step.node ? `${step.node}: ` : ""}${step.category}, ${timeText(step.milliseconds)}`;
  return part;
}

function legendItem(category) {
  const swatch = made("span", "swatch");
  swatch.dataset.category = category;
  return made("li", "", swatch, category);
}

function nodeRow(node, longest) {
  const track = made("span", "track", ...node.steps.map((step) => segment(step, longest)));
  track.append(made("span", "rest")); // what the longest node has more
  track.lastChild.style.flexGrow = String(Math.max(0, 1 - node.milliseconds / longest));
  const name = made("th", "node-name", node.node);
  name.scope = "row";
  const bar = made("td", "node-bar", track);
  bar.ariaLabel = `${Math.round((100 * node.milliseconds) / longest)}% of the longest`;
  return made(
    "tr",
    "",
    name,
    made("td", "node-operation", node.operation.replaceAll("_", " ")),
    bar,
    made("td", "node-time", timeText(node.milliseconds)),
  );
}

function activationFigure({ node, shape, channels, constant, zeros, png, width, height }) {
  const values = shape.reduce((product, size) => product * size, 1);
  const empty = `${Math.round((100 * zeros) / values)}% zeros`;
  const facts = channels === null
    ? [`${values.toLocaleString("en")} values`, empty]
    : [`${shape[0]} \u00d7 ${shape[1]}`, `${channels.length} of ${shape[2]} channels`, empty];
  if (constant) facts.push(`${constant} channels constant`);
  const found = figure(node, facts.join(", "), png, "map");
  found.querySelector("img").style.aspectRatio = `${width} / ${height}`;
  return found;
}

function figure(name, facts, png, className) {
  const image = made("img", "");
  image.src = `data:image/png;base64,${png}`;
  image.alt = `${name}: ${facts}`;
  const caption = made("figcaption", "", made("strong", "", name), " ", made("span", "", facts));
  return made("figure", className, image, caption);
}
