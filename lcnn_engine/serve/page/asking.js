// One question at a time: while one is on its way the newest of the others waits, and those between are dropped.

import { classify, Problem } from "./server.js";

/**
 * Asks the server, and again where that may help. A question is `{body, model, details}`: `body()` gives, or promises,
 * the bytes of an image; `details`: ask what goes on inside, too. What else is in it is the caller's.
 */
export class Asking {
  #next = null;
  #busy = false;
  #timer = 0;
  #handlers;

  /**
   * Handlers: `answered(answer, milliseconds, question)`; `failed(problem, question)`, which gives false where nobody
   * waits for that answer any more.
   */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Put a question; it replaces the one that waits. */
  ask(question) {
    clearTimeout(this.#timer);
    this.#next = question;
    if (!this.#busy) this.#run();
  }

  /** Forget the question that waits. An answer on its way is still given, to a handler that may ignore it. */
  forget() {
    clearTimeout(this.#timer);
    this.#next = null;
  }

  async #run() {
    this.#busy = true;
    while (this.#next) {
      const question = this.#next;
      this.#next = null;
      try {
        const body = await question.body();
        const start = performance.now();
        const answer = await classify(body, question.model, question.details);
        this.#handlers.answered(answer, performance.now() - start, question);
      } catch (error) {
        this.#failed(error, question);
      }
    }
    this.#busy = false;
  }

  #failed(error, question) {
    const problem = error instanceof Problem ? error : new Problem("other", "Something went wrong", String(error));
    const isWanted = this.#handlers.failed(problem, question) !== false;
    if (isWanted && problem.wait !== null && !this.#next) {
      this.#timer = setTimeout(() => this.ask(question), problem.wait);
    }
  }
}
