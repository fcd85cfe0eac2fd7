// What is written on paper before a camera, as the digits of MNIST are: see digit.js for the form.

import { centreOfMass, FIELD } from "./digit.js";

const WINDOW = 0.25; // of the picture: ink is what is darker than its surroundings of this size
const DARKER = 0.18; // by at least this part of their brightness
const BOX = 20;
const LEAST = 0.08; // of the picture: smaller blots are not enlarged further
const MARGIN = 0.04; // of the picture, in which edges of the paper and shadows are left out

/** Find dark ink in RGBA pixels, frame it, and give a field: Uint8Array of FIELD * FIELD, all 0 without ink. */
export function inkOnPaper(pixels, width, height) {
  const ink = inkOf(greysOf(pixels), width, height);
  const box = boxOf(ink, width, height);
  const field = new Float32Array(FIELD * FIELD);
  if (!box) return new Uint8Array(FIELD * FIELD);
  const scale = BOX / Math.max(box.right - box.left, box.bottom - box.top, LEAST * width);
  const place = (centreX, centreY) => {
    field.fill(0);
    for (let row = box.top; row < box.bottom; row++) {
      for (let column = box.left; column < box.right; column++) {
        const x = Math.floor((column + 0.5 - centreX) * scale + FIELD / 2);
        const y = Math.floor((row + 0.5 - centreY) * scale + FIELD / 2);
        if (x >= 0 && x < FIELD && y >= 0 && y < FIELD) {
          field[y * FIELD + x] += Math.min(1, scale * scale) * ink[row * width + column];
        }
      }
    }
  };
  const middle = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  place(...middle);
  const [x, y] = centreOfMass(field);
  place(middle[0] + (x - FIELD / 2) / scale, middle[1] + (y - FIELD / 2) / scale);
  return Uint8Array.from(field, (value) => Math.round(255 * Math.min(1, 1.3 * value)));
}

function greysOf(pixels) {
  const greys = new Float32Array(pixels.length / 4);
  for (let i = 0; i < greys.length; i++) {
    greys[i] = 0.299 * pixels[4 * i] + 0.587 * pixels[4 * i + 1] + 0.114 * pixels[4 * i + 2];
  }
  return greys;
}

/** Ink, 0 to 1 for each pixel: how much darker than the mean of its surroundings. */
function inkOf(greys, width, height) {
  const sums = new Float64Array((width + 1) * (height + 1)); // of all above and left
  for (let row = 0; row < height; row++) {
    let sum = 0;
    for (let column = 0; column < width; column++) {
      sum += greys[row * width + column];
      sums[(row + 1) * (width + 1) + column + 1] = sums[row * (width + 1) + column + 1] + sum;
    }
  }
  const reach = Math.round((WINDOW * width) / 2);
  const margin = Math.round(MARGIN * width);
  const ink = new Float32Array(width * height);
  for (let row = margin; row < height - margin; row++) {
    const [top, bottom] = [Math.max(0, row - reach), Math.min(height, row + reach)];
    for (let column = margin; column < width - margin; column++) {
      const [left, right] = [Math.max(0, column - reach), Math.min(width, column + reach)];
      const sum = sums[bottom * (width + 1) + right] - sums[top * (width + 1) + right]
        - sums[bottom * (width + 1) + left] + sums[top * (width + 1) + left];
      const mean = sum / ((bottom - top) * (right - left)) || 1;
      const darker = 1 - greys[row * width + column] / mean;
      if (darker > DARKER) ink[row * width + column] = Math.min(1, 2 * darker);
    }
  }
  return ink;
}

/** The box around all ink; null where there is hardly any. */
function boxOf(ink, width, height) {
  const box = { left: width, right: 0, top: height, bottom: 0 };
  let count = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (!ink[row * width + column]) continue;
      count++;
      box.left = Math.min(box.left, column);
      box.right = Math.max(box.right, column + 1);
      box.top = Math.min(box.top, row);
      box.bottom = Math.max(box.bottom, row + 1);
    }
  }
  return count > 0.001 * width * height ? box : null;
}
