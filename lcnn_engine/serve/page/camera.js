// The camera: a square of what it sees, as often as answers come.

const EDGE = 320; // pixels of the square that is sent

const REASONS = {
  NotAllowedError: "The browser does not let this page use it. Allow the camera for this address and start again.",
  NotFoundError: "There is none at this machine.",
  NotReadableError: "Another program holds it. Close that and start again.",
  OverconstrainedError: "There is none that faces this way.",
};

/** Runs a camera. Calls `seen()` when there is something new to ask about, `stopped()`, and `failed(reason)`. */
export class Camera {
  #video;
  #handlers;
  #stream = null;
  #facing = "environment";
  #isWaiting = false; // for a frame
  #square = document.createElement("canvas");

  constructor(video, handlers) {
    this.#video = video;
    this.#handlers = handlers;
    this.#square.width = this.#square.height = EDGE;
    document.addEventListener("visibilitychange", () => document.hidden && this.stop());
  }

  get isOn() {
    return this.#stream !== null;
  }

  /** Start it. Returns whether it runs; the reason why not goes to `failed`. */
  async start() {
    this.#release();
    if (!navigator.mediaDevices?.getUserMedia) {
      this.#handlers.failed("Browsers give it to pages of this machine (localhost) and of https addresses alone.");
      return false;
    }
    try {
      const video = { facingMode: this.#facing, width: { ideal: 640 }, height: { ideal: 480 } };
      this.#stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      for (const track of this.#stream.getTracks()) track.addEventListener("ended", () => this.stop());
      this.#video.srcObject = this.#stream;
      await this.#video.play();
    } catch (error) {
      this.#release();
      this.#handlers.failed(REASONS[error.name] ?? `${error.name}: ${error.message}`);
      return false;
    }
    this.next();
    return true;
  }

  /** Call `seen` at the next frame; the page asks for that when an answer has come. */
  next() {
    if (!this.isOn || this.#isWaiting) return;
    const call = () => {
      this.#isWaiting = false;
      if (this.isOn) this.#handlers.seen();
    };
    this.#isWaiting = true;
    if (this.#video.requestVideoFrameCallback) this.#video.requestVideoFrameCallback(call);
    else setTimeout(call, 50);
  }

  /** Change between the camera that faces the room and the one that faces the person. */
  turn() {
    this.#facing = this.#facing === "environment" ? "user" : "environment";
    return this.start();
  }

  /** Turn it off. */
  stop() {
    if (!this.isOn) return;
    this.#release();
    this.#handlers.stopped();
  }

  #release() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
    this.#stream = null;
    this.#isWaiting = false;
  }

  /** Draw the square in the middle of the frame, as it is shown, and give its context and edge. */
  square() {
    const [width, height] = [this.#video.videoWidth, this.#video.videoHeight];
    const edge = Math.min(width, height);
    const pen = this.#square.getContext("2d", { willReadFrequently: true });
    pen.drawImage(this.#video, (width - edge) / 2, (height - edge) / 2, edge, edge, 0, 0, EDGE, EDGE);
    return { pen, edge: EDGE, canvas: this.#square };
  }

  /** Promise the square as a JPEG. */
  picture() {
    const { canvas } = this.square();
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no JPEG"))), "image/jpeg", 0.92);
    });
  }
}
