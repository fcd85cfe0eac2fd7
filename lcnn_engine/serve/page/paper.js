// Paper to draw on: with finger, pen, mouse, or keys. Strokes are lists of [x, y] from 0 to 1.

const PEN = 0.075; // width of the pen, as a part of the paper
const STEP = 0.035; // that an arrow key moves the pen by; a seventh of it with shift
const NEAR = 0.003; // a point so near to the last one says nothing
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Draws on `canvas`. Calls `changed(still)`, `still` when a stroke is complete, and `said(text)` for what to announce. */
export class Paper {
  strokes = [];
  #canvas;
  #handlers;
  #pointer = null; // of the stroke being drawn
  #cursor = [0.5, 0.5]; // of the keyboard's pen
  #keyed = false; // the keyboard draws: show its pen
  #down = false; // the keyboard's pen is on the paper
  #held = new Set(); // arrow keys
  #frame = 0;

  constructor(canvas, handlers) {
    this.#canvas = canvas;
    this.#handlers = handlers;
    const on = (name, handler) => canvas.addEventListener(name, handler.bind(this));
    on("pointerdown", this.#press);
    on("pointermove", this.#move);
    on("pointerup", this.#lift);
    on("pointercancel", this.#lift);
    on("lostpointercapture", this.#lift);
    on("keydown", this.#key);
    on("keyup", (event) => this.#held.delete(event.key));
    on("blur", this.#leave);
    new ResizeObserver(() => this.redraw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  get isEmpty() {
    return !this.strokes.length;
  }

  /** Take the last stroke away. */
  undo() {
    this.#down = false;
    this.strokes.pop();
    this.#change(true);
  }

  /** Begin on new paper. */
  clear() {
    this.#down = false;
    this.#pointer = null;
    this.strokes = [];
    this.#change(true);
  }

  #change(still) {
    this.redraw();
    this.#handlers.changed(still);
  }

  // ------------------------------------------------------------------------------------------------- pointers

  #press(event) {
    if (this.#pointer !== null || event.button !== 0) return; // a second finger, a palm beside the pen
    event.preventDefault();
    this.#canvas.focus({ preventScroll: true });
    this.#canvas.classList.add("by-pointer"); // who draws so needs no ring around the paper
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    this.#keyed = this.#down = false;
    this.strokes.push([this.#place(event)]);
    this.#change(false);
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    const stroke = this.strokes.at(-1);
    for (const one of events.length ? events : [event]) {
      const place = this.#place(one);
      if (distance(place, stroke.at(-1)) > NEAR) stroke.push(place);
    }
    this.#change(false);
  }

  #lift(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#change(true);
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    const within = (value) => Math.min(1, Math.max(0, value));
    return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
  }

  // ----------------------------------------------------------------------------------------------------- keys

  #key(event) {
    this.#canvas.classList.remove("by-pointer");
    if (event.key in ARROWS) {
      this.#held.add(event.key);
      this.#walk(event.shiftKey ? STEP / 7 : STEP);
    } else if (event.key === " ") {
      if (!event.repeat) this.#setDown(!this.#down);
    } else if (event.key === "Escape" && this.#down) {
      this.#setDown(false);
    } else if (event.key === "Backspace" || event.key === "Delete") {
      this.clear();
      this.#handlers.said("Paper cleared");
    } else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) {
      this.undo();
      this.#handlers.said("Stroke undone");
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Move the keyboard's pen: two arrows held go the way between them. */
  #walk(step) {
    this.#keyed = true;
    for (const key of this.#held) {
      ARROWS[key].forEach((by, axis) => {
        this.#cursor[axis] = Math.min(0.98, Math.max(0.02, this.#cursor[axis] + by * step));
      });
    }
    if (!this.#down) return this.redraw();
    this.strokes.at(-1).push([...this.#cursor]);
    this.#change(false);
  }

  #setDown(down) {
    this.#keyed = true;
    this.#down = down;
    if (down) this.strokes.push([[...this.#cursor]]);
    this.#change(!down);
    this.#handlers.said(down ? "Pen down" : "Pen up");
  }

  #leave() {
    this.#held.clear();
    if (this.#down) this.#setDown(false);
    this.#keyed = false;
    this.redraw();
  }

  // -------------------------------------------------------------------------------------------------- drawing

  /** Draw everything anew, at the next frame. */
  redraw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const edge = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (!edge) return; // hidden
    if (this.#canvas.width !== edge) this.#canvas.width = this.#canvas.height = edge;
    const pen = this.#canvas.getContext("2d");
    const style = getComputedStyle(this.#canvas);
    pen.clearRect(0, 0, edge, edge);
    drawStrokes(pen, this.strokes, edge, style.color);
    if (this.#keyed) this.#drawCursor(pen, edge, style.getPropertyValue("--accent"));
  }

  #drawCursor(pen, edge, colour) {
    const [x, y] = this.#cursor.map((part) => part * edge);
    pen.strokeStyle = colour;
    pen.lineWidth = Math.max(2, edge / 160);
    pen.beginPath();
    pen.arc(x, y, (PEN * edge) / 2 + pen.lineWidth, 0, 2 * Math.PI);
    pen.stroke();
    if (this.#down) return;
    pen.beginPath();
    for (const [dx, dy] of Object.values(ARROWS)) {
      pen.moveTo(x + (dx * PEN * edge) / 4, y + (dy * PEN * edge) / 4);
      pen.lineTo(x, y);
    }
    pen.stroke();
  }
}

function distance([ax, ay], [bx, by]) {
  return Math.hypot(ax - bx, ay - by);
}

/** Draw strokes on a context of edge * edge pixels, bends rounded. */
export function drawStrokes(pen, strokes, edge, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = PEN * edge;
  pen.lineCap = pen.lineJoin = "round";
  for (const stroke of strokes) {
    const points = stroke.map(([x, y]) => [x * edge, y * edge]);
    const last = points.at(-1);
    pen.beginPath();
    pen.moveTo(...points[0]);
    for (let i = 1; i < points.length - 1; i++) {
      const [[x, y], [nextX, nextY]] = [points[i], points[i + 1]];
      pen.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    }
    pen.lineTo(...last); // of a single point: its dot
    pen.stroke();
  }
}
