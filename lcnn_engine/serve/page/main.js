// The page: from what a person does to a question, and from the answer to what is shown.

import { Answer } from "./answer.js";
import { Asking } from "./asking.js";
import { Camera } from "./camera.js";
import { colourFile, FIELD, framed, greyFile } from "./digit.js";
import { inkOnPaper } from "./ink.js";
import { Inside } from "./inside.js";
import { drawStrokes, Paper } from "./paper.js";
import { Pictures, smaller } from "./pictures.js";
import { Problems } from "./problems.js";
import { models, useToken } from "./server.js";
import { Tabs } from "./tabs.js";

const LOOK_AFTER = 120; // milliseconds that something must stand before a look inside
const LOOK_EVERY = 700; // milliseconds between looks inside at what the camera sees
const LARGEST_DRAWING = 256; // pixels of a drawing for a network of colours
const WIDE = "(min-width: 760px)";

const at = (id) => document.getElementById(id);
const known = new Map(); // models by name
let model = null; // the one that is asked
let round = 0; // what was asked before this changed is of no interest any more
let picture = null; // the file shown
let lookTimer = 0;
let lastLook = 0;

const answer = new Answer({
  label: at("best-label"), share: at("best-share"), bars: at("bars"), times: at("times"), spoken: at("spoken"),
});
const problems = new Problems(at("problem"));
const inside = new Inside({
  words: at("inside-words"), timeline: at("timeline"), facts: at("timeline-facts"), bar: at("timeline-bar"),
  legend: at("legend"), activations: at("activations"), maps: at("maps"), byNode: at("by-node"), nodes: at("nodes"),
});
const asking = new Asking({ answered, failed });
const looking = new Asking({
  answered: (found, _, question) => question.round === round && inside.show(found),
  failed: (problem, question) => question.round === round && inside.explain(problem.reason),
});
const paper = new Paper(at("paper"), { changed: drawn, said: (text) => answer.say(text) });
const pictures = new Pictures(
  { input: at("file"), words: at("drop-words"), image: at("picture"), name: at("picture-name"), veil: at("dropping") },
  (file) => {
    tabs.show("tab-picture");
    picture = file;
    askPicture();
  },
);
const camera = new Camera(at("video"), {
  seen: askCamera,
  stopped: showCamera,
  failed: (reason) => problems.show({ title: "The camera cannot be used", reason }),
});
const tabs = new Tabs(document.querySelector('[role="tablist"]'), changed);

// ------------------------------------------------------------------------------------------------------ questions

/** Ask about `body()`; `still`: it will stand for a while, and a look inside is worth its time. */
function ask(body, still) {
  if (!model) return;
  const question = { body, model: model.name, round, still, source: tabs.shown };
  clearTimeout(lookTimer);
  asking.ask(question);
}

function answered(found, milliseconds, question) {
  if (question.round !== round) return;
  problems.clear();
  answer.show(found, milliseconds);
  if (question.still && isOpen()) {
    lookTimer = setTimeout(() => looking.ask({ ...question, details: true }), LOOK_AFTER);
  }
  if (question.source === "tab-camera") camera.next();
}

function failed(problem, question) {
  if (question.round !== round) return false;
  if (problem.kind !== "busy" && problem.kind !== "gone") answer.clear();
  problems.show(problem, remediesFor(problem, question));
  if (question.source === "tab-camera" && problem.wait === null) camera.stop();
  return true;
}

function remediesFor(problem, question) {
  if (problem.kind === "token") return [{ text: "Send it", field: "Token", act: withToken }];
  if (problem.kind === "large" && picture && question.source === "tab-picture") {
    return [{ text: "Make it smaller and try again", act: shrink }];
  }
  return [];
}

function withToken(text) {
  useToken(text);
  problems.clear();
  begin();
}

async function shrink() {
  try {
    picture = await smaller(picture);
    askPicture();
  } catch {
    problems.show({ title: "This picture is too large", reason: "And the browser cannot read it to make it smaller." });
  }
}

/** Nothing that was asked before is of interest. */
function forget() {
  round++;
  clearTimeout(lookTimer);
  asking.forget();
  looking.forget();
  problems.clear();
}

// -------------------------------------------------------------------------------------------------------- drawing

function drawn(still) {
  at("undo").disabled = at("clear").disabled = paper.isEmpty;
  at("invitation").hidden = !paper.isEmpty;
  if (paper.isEmpty) {
    forget();
    answer.clear();
    at("sent").hidden = true;
    return;
  }
  const strokes = paper.strokes.map((stroke) => [...stroke]);
  ask(isGrey() ? greyDrawing(strokes) : () => colourDrawing(strokes), still);
}

function greyDrawing(strokes) {
  const field = framed(strokes);
  showSent(field);
  return () => greyFile(field, FIELD, FIELD);
}

/** Dark ink on white paper, in the network's proportions. */
function colourDrawing(strokes) {
  const [height, width] = model.shape.map((size) => Math.min(size, LARGEST_DRAWING));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  const edge = Math.min(width, height);
  pen.translate((width - edge) / 2, (height - edge) / 2);
  drawStrokes(pen, strokes, edge, "#15181f");
  return colourFile(pen.getImageData(0, 0, width, height).data, width, height);
}

function showSent(field) {
  const pixels = new ImageData(FIELD, FIELD);
  field.forEach((grey, i) => pixels.data.set([grey, grey, grey, 255], 4 * i));
  at("sent-image").getContext("2d").putImageData(pixels, 0, 0);
  at("sent").hidden = false;
}

// --------------------------------------------------------------------------------------------- pictures and camera

function askPicture() {
  const file = picture;
  forget();
  ask(() => file, true);
}

function askCamera() {
  const still = performance.now() - lastLook > LOOK_EVERY;
  if (still) lastLook = performance.now();
  if (!isGrey() || !at("camera-ink").checked) return ask(() => camera.picture(), still);
  const { pen, edge } = camera.square();
  const field = inkOnPaper(pen.getImageData(0, 0, edge, edge).data, edge, edge);
  return ask(() => greyFile(field, FIELD, FIELD), still);
}

function showCamera() {
  at("camera-start").textContent = camera.isOn ? "Stop the camera" : "Start the camera";
  at("camera-words").hidden = camera.isOn;
  at("camera-turn").hidden = !camera.isOn || !matchMedia("(pointer: coarse)").matches;
}

async function switchCamera() {
  forget();
  if (camera.isOn) return camera.stop();
  await camera.start();
  showCamera();
}

// --------------------------------------------------------------------------------------------------------- choices

/** Another source or model: ask anew about what is there. */
function changed() {
  forget();
  answer.clear();
  if (tabs.shown !== "tab-camera") camera.stop();
  if (tabs.shown === "tab-draw") drawn(true);
  if (tabs.shown === "tab-picture" && picture) askPicture();
  if (tabs.shown === "tab-camera" && camera.isOn) camera.next();
}

function isGrey() {
  return model?.shape[2] === 1;
}

function choose(name) {
  model = known.get(name);
  at("invitation").textContent = model.digits ? "Draw a digit" : "Draw something";
  at("sent").hidden = true;
  at("camera-ink-label").hidden = !isGrey();
}

function isOpen() {
  return at("inside-switch").getAttribute("aria-expanded") === "true";
}

function open(isIt) {
  at("inside-switch").setAttribute("aria-expanded", String(isIt));
  at("inside-body").hidden = !isIt;
}

// ----------------------------------------------------------------------------------------------------------- begin

/** Ask for the models, and again until the server answers. */
async function begin() {
  try {
    const found = await models();
    if (!found.length) {
      const reason = "None of its models classifies pictures. Others take tensors, at /v2.";
      return problems.show({ title: "Nothing to ask here", reason });
    }
    known.clear();
    for (const one of found) known.set(one.name, one);
    at("model").replaceChildren(...found.map((one) => new Option(one.name)));
    at("model").disabled = found.length < 2;
    problems.clear();
    choose(found[0].name);
    if (!isGrey() && paper.isEmpty) tabs.show("tab-picture");
    return changed();
  } catch (problem) {
    problems.show(problem, remediesFor(problem, {}));
    return problem.wait === null || setTimeout(begin, problem.wait);
  }
}

at("model").addEventListener("change", () => {
  choose(at("model").value);
  changed();
});
at("undo").addEventListener("click", () => paper.undo());
at("clear").addEventListener("click", () => {
  paper.clear();
  at("paper").focus();
});
at("camera-start").addEventListener("click", switchCamera);
at("camera-turn").addEventListener("click", () => camera.turn());
at("inside-switch").addEventListener("click", () => {
  open(!isOpen());
  changed();
});
open(matchMedia(WIDE).matches);
begin();
