// Numbers as people read them.

/** Write a probability with as many digits as say something. */
export function percent(probability) {
  const value = 100 * probability;
  if (value > 0 && value < 0.1) return "< 0.1%";
  if (value >= 99.995 || value === 0) return `${Math.round(value)}%`;
  return `${value.toFixed(value > 99.9 ? 2 : 1)}%`;
}

/** Write milliseconds with three digits or so. */
export function timeText(milliseconds) {
  if (!Number.isFinite(milliseconds)) return "\u2013";
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds >= 0.1) return `${milliseconds.toFixed(milliseconds < 1 ? 2 : milliseconds < 100 ? 1 : 0)} ms`;
  return `${(1000 * milliseconds).toFixed(milliseconds < 0.01 ? 1 : 0)} \u00b5s`;
}

/** Write a number of bytes. */
export function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  const [size, unit] = bytes < 1e6 ? [bytes / 1e3, "kB"] : [bytes / 1e6, "MB"];
  return `${size.toFixed(size < 10 ? 1 : 0)} ${unit}`;
}
