// The stream of events: opened again when it breaks off or falls silent.

const RETRY_FIRST_MS = 1_000;
const RETRY_LAST_MS = 10_000;
// The service sends something every five seconds, or ten while its Redis hangs.
const SILENCE_MS = 40_000;

/** Calls `onHistory`, `onPoint`, `onStatus` with what comes, and `onLost` when nothing does. */
export class Live {
  #handlers;
  #source = null;
  #retry_ms = RETRY_FIRST_MS;
  #silence = 0;

  constructor(handlers) {
    this.#handlers = handlers;
  }

  open() {
    const source = new EventSource("/events");
    this.#source = source;
    this.#heard();
    for (const [event, handler] of [
      ["history", this.#handlers.onHistory],
      ["point", this.#handlers.onPoint],
      ["status", this.#handlers.onStatus],
    ]) {
      source.addEventListener(event, ({ data }) => {
        this.#retry_ms = RETRY_FIRST_MS;
        this.#heard();
        handler(JSON.parse(data));
      });
    }
    // The browser's own retry gives up on an answer such as 503; this one does not.
    source.onerror = () => this.#again(source);
  }

  #heard() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#again(this.#source), SILENCE_MS);
  }

  #again(source) {
    if (source !== this.#source) return;
    source.close();
    this.#source = null;
    clearTimeout(this.#silence);
    this.#handlers.onLost();
    setTimeout(() => this.open(), this.#retry_ms);
    this.#retry_ms = Math.min(RETRY_LAST_MS, this.#retry_ms * 2);
  }
}
