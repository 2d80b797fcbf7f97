// Waiting: bounded, jittered, ended early by a signal; and how long it has been.

/** Full jitter: anywhere between nothing and a bound that doubles up to `most` (milliseconds). */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly least = 500,
    private readonly most = 30_000,
  ) {}

  get attempts(): number {
    return this.#attempts;
  }

  /** How long to wait now. With `retryAfter` (seconds) never less than that, and jitter on top. */
  next(retryAfter?: number): number {
    const bound = Math.min(this.most, this.least * 2 ** Math.min(this.#attempts, 16));
    this.#attempts += 1;
    return Math.random() * bound + (retryAfter ?? 0) * 1000;
  }

  reset(): void {
    this.#attempts = 0;
  }
}

/** Resolves after `milliseconds`, or at once when the signal is aborted; never rejects. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
  });
}

/** Lets so many through at once; the others wait for their turn. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async pass<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resume) => this.#waiting.push(resume));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

/** How long ago it was made, by whichever clock says more: one is set back, the other stands still in sleep. */
export class Since {
  readonly #wall = Date.now();
  readonly #steady = performance.now();

  get milliseconds(): number {
    return Math.max(Date.now() - this.#wall, performance.now() - this.#steady);
  }
}
