// The stream of events, which resumes where it broke off.

const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 5_000;

/** Listens until the page closes; `onReset` means that events were missed and the state must be read again. */
export class Live {
  #source = null;
  #seq = null;
  #retry_ms = RETRY_FIRST_MS;
  #handlers;

  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Begins after event `seq`, or with what comes from now on if it is null. */
  start(seq) {
    this.#source?.close();
    this.#seq = seq;
    this.#open();
  }

  #open() {
    const source = new EventSource(
      `/control/events${this.#seq === null ? "" : `?after=${this.#seq}`}`,
    );
    this.#source = source;
    source.onopen = () => {
      const again = this.#retry_ms > RETRY_FIRST_MS;
      this.#retry_ms = RETRY_FIRST_MS;
      this.#handlers.onConnected(again);
    };
    source.onmessage = ({ data }) => this.#take(JSON.parse(data));
    source.addEventListener("reset", ({ data }) =>
      this.#take({ ...JSON.parse(data || "{}"), type: "reset" }),
    );
    // The browser's own retry would repeat the first `after`; ours asks for what came since.
    source.onerror = () => {
      source.close();
      this.#handlers.onLost();
      setTimeout(() => this.#source === source && this.#open(), this.#retry_ms);
      this.#retry_ms = Math.min(RETRY_LAST_MS, this.#retry_ms * 2);
    };
  }

  #take(event) {
    if (event.type === "reset") {
      this.#source.close();
      this.#handlers.onReset();
      return;
    }
    this.#seq = event.seq ?? this.#seq;
    this.#handlers.onEvent(event);
  }
}
