// A drawing as the digits of MNIST are: white on black, 28 x 28, the ink in a box of 20 x 20 with its centre of mass in
// the middle. Whatever the size at which it was drawn, the pen gets the width that pens have there.

export const FIELD = 28;
const BOX = 20;
const PEN = 1.15; // radius of full ink, in pixels of the field
const EDGE = 1.1; // over which ink fades
const LEAST = 0.12; // of the paper: smaller drawings are enlarged no more than one of this size

/** Draw strokes, lists of `[x, y]` from 0 to 1, into a field: Uint8Array of FIELD * FIELD. */
export function framed(strokes) {
  const points = strokes.flat();
  if (!points.length) return new Uint8Array(FIELD * FIELD);
  const [left, top] = [0, 1].map((axis) => Math.min(...points.map((point) => point[axis])));
  const [right, bottom] = [0, 1].map((axis) => Math.max(...points.map((point) => point[axis])));
  const scale = (BOX - 2 * PEN) / Math.max(right - left, bottom - top, LEAST);
  const place = (shiftX, shiftY) =>
    strokes.map((stroke) =>
      stroke.map(([x, y]) => [
        (x - (left + right) / 2) * scale + FIELD / 2 + shiftX,
        (y - (top + bottom) / 2) * scale + FIELD / 2 + shiftY,
      ]),
    );
  const first = inked(place(0, 0));
  const [x, y] = centreOfMass(first);
  return Uint8Array.from(inked(place(FIELD / 2 - x, FIELD / 2 - y)), (ink) => Math.round(255 * ink));
}

/** Ink of strokes in pixels, 0 to 1 for each pixel of the field. */
function inked(strokes) {
  const field = new Float32Array(FIELD * FIELD);
  for (const stroke of strokes) {
    for (let i = 0; i < Math.max(1, stroke.length - 1); i++) line(field, stroke[i], stroke[i + 1] ?? stroke[i]);
  }
  return field;
}

/** Ink one line from `a` to `b`: full near it, fading over EDGE. */
function line(field, [ax, ay], [bx, by]) {
  const reach = PEN + EDGE;
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const clamp = (value) => Math.min(FIELD - 1, Math.max(0, Math.floor(value)));
  for (let row = clamp(Math.min(ay, by) - reach); row <= clamp(Math.max(ay, by) + reach); row++) {
    for (let column = clamp(Math.min(ax, bx) - reach); column <= clamp(Math.max(ax, bx) + reach); column++) {
      const [px, py] = [column + 0.5 - ax, row + 0.5 - ay];
      const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const distance = Math.hypot(px - along * dx, py - along * dy);
      const ink = Math.min(1, Math.max(0, (PEN + EDGE / 2 - distance) / EDGE));
      const at = row * FIELD + column;
      if (ink > field[at]) field[at] = ink;
    }
  }
}

/** Centre of the ink, `[x, y]` in pixels of the field. */
export function centreOfMass(field) {
  let [mass, x, y] = [0, 0, 0];
  field.forEach((ink, at) => {
    mass += ink;
    x += ink * ((at % FIELD) + 0.5);
    y += ink * (Math.floor(at / FIELD) + 0.5);
  });
  return mass ? [x / mass, y / mass] : [FIELD / 2, FIELD / 2];
}

/** Make a PGM file of greys, Uint8Array of width * height: an image without the wait for an encoder. */
export function greyFile(greys, width, height) {
  return new Blob([`P5\n${width} ${height}\n255\n`, greys]);
}

/** Make a PPM file of RGBA pixels, as a canvas gives them. */
export function colourFile(pixels, width, height) {
  const colours = new Uint8Array(3 * width * height);
  for (let i = 0, at = 0; i < pixels.length; i += 4) {
    colours[at++] = pixels[i];
    colours[at++] = pixels[i + 1];
    colours[at++] = pixels[i + 2];
  }
  return new Blob([`P6\n${width} ${height}\n255\n`, colours]);
}
