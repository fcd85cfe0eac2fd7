// Pictures from files: chosen, dropped anywhere on the page, or pasted.

import { sizeText } from "./words.js";

/** Calls `given(file)` with each picture, and shows it. `elements`: input, words, image, name, veil. */
export class Pictures {
  #elements;
  #given;
  #depth = 0; // how many elements deep a dragged file is: leaving one of them is not leaving the page
  #url = "";

  constructor(elements, given) {
    this.#elements = elements;
    this.#given = given;
    elements.input.addEventListener("change", () => {
      this.take(elements.input.files);
      elements.input.value = ""; // the same file can be chosen again
    });
    elements.image.addEventListener("error", () => this.#show(false));
    elements.image.addEventListener("load", () => this.#show(true));
    this.#listen();
  }

  #listen() {
    const carries = (event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragenter", (event) => carries(event) && this.#veil(this.#depth + 1));
    addEventListener("dragleave", (event) => carries(event) && this.#veil(this.#depth - 1));
    addEventListener("dragover", (event) => carries(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      this.#veil(0);
      this.take(event.dataTransfer.files);
    });
    addEventListener("paste", (event) => {
      if (event.clipboardData?.files.length) this.take(event.clipboardData.files);
    });
  }

  #veil(depth) {
    this.#depth = Math.max(0, depth);
    this.#elements.veil.hidden = !this.#depth;
  }

  /** Take the first of some files. */
  take(files) {
    const file = files[0];
    if (!file) return;
    URL.revokeObjectURL(this.#url);
    this.#url = URL.createObjectURL(file);
    this.#elements.image.src = this.#url;
    this.#elements.image.alt = `The picture ${file.name}`;
    this.#elements.name.textContent = `${file.name}, ${sizeText(file.size)}`;
    this.#given(file);
  }

  /** Show the picture; what a browser cannot show (a TIFF, say) the server may still read. */
  #show(isShown) {
    this.#elements.image.hidden = !isShown;
    this.#elements.words.hidden = isShown;
  }
}

/** Make a picture that the browser can read smaller: a JPEG of at most `edge` pixels. Rejects where it cannot. */
export async function smaller(file, edge = 1600) {
  const image = await createImageBitmap(file); // upright, as its EXIF orientation says
  const scale = Math.min(1, edge / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no JPEG"))), "image/jpeg", 0.92);
  });
}
