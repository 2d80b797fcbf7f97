// Requests: one address, typed refusals, the token in its header, one refresh where it was too old.
import { errorOf, errorOfFailure, TherapyConnectError } from "./errors.js";
import { Backoff, pause } from "./pause.js";

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Asking {
  readonly query?: Query | undefined;
  readonly json?: unknown;
  readonly body?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Of 4xx that are answers here and no refusals. */
  readonly accept?: readonly number[];
  /** How long to wait for the answer, where not as long as for all. */
  readonly seconds?: number;
  /** Reads a good answer's body, where that is not text. */
  readonly take?: (answer: Response) => Promise<string>;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** What gives a token, and a newer one where that was refused. */
export interface Bearer {
  token(): Promise<string>;
  renew(refused: string): Promise<string>;
}

const READ_ATTEMPTS = 4;
const LONGEST_WAIT = 10;

export class Http {
  readonly base: string;

  constructor(
    url: string,
    private readonly fetch: typeof globalThis.fetch,
    private readonly seconds: number,
  ) {
    this.base = url.replace(/\/+$/, "");
  }

  /** The address of a path; of a page's `next` too, whatever name the server calls itself by. */
  address(path: string, query: Query = {}): string {
    const found = new URL(path, `${this.base}/`);
    const url = new URL(this.base + found.pathname + found.search);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  /** One request. Throws a TherapyConnectError for everything but 2xx (and `accept`). */
  async once(method: string, path: string, asking: Asking = {}): Promise<Answer> {
    const control = new AbortController();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      control.abort();
    }, (asking.seconds ?? this.seconds) * 1000);
    const abort = (): void => control.abort();
    asking.signal?.addEventListener("abort", abort);
    if (asking.signal?.aborted) abort();
    try {
      const json = asking.json !== undefined;
      const answer = await this.fetch(this.address(path, asking.query), {
        method,
        headers: {
          Accept: "application/json",
          ...(json ? { "Content-Type": "application/json" } : {}),
          ...asking.headers,
        },
        body: json ? JSON.stringify(asking.json) : (asking.body ?? null),
        signal: control.signal,
        credentials: "omit",
        cache: "no-store",
      });
      const text = await (answer.ok && asking.take !== undefined ? asking.take(answer) : answer.text());
      if (answer.ok || asking.accept?.includes(answer.status)) return { status: answer.status, text };
      throw errorOf(answer.status, answer.headers, text);
    } catch (cause) {
      if (late) throw new TherapyConnectError({ code: "network_error", message: "No answer in time." });
      throw errorOfFailure(cause);
    } finally {
      clearTimeout(timer);
      asking.signal?.removeEventListener("abort", abort);
    }
  }

  /** With a token; where that is refused, once more with a newer one. */
  async asked(bearer: Bearer, method: string, path: string, asking: Asking = {}): Promise<Answer> {
    const token = await bearer.token();
    try {
      return await this.once(method, path, bearing(token, asking));
    } catch (error) {
      if (!(error instanceof TherapyConnectError) || error.status !== 401) throw error;
      // The token is good: it is the person who is asked.
      if (error.code === "reauthentication_required") throw error;
      return await this.once(method, path, bearing(await bearer.renew(token), asking));
    }
  }

  /** Bytes; in memory as a whole. */
  async blob(bearer: Bearer, path: string): Promise<Blob> {
    let got: Blob | undefined;
    const take = async (answer: Response): Promise<string> => {
      got = await answer.blob();
      return "";
    };
    await this.asked(bearer, "GET", path, { take });
    return got ?? new Blob([]);
  }

  /** The same for what only reads: asked again while the server is away, for a bounded time. */
  async read(bearer: Bearer, path: string, asking: Asking = {}): Promise<Answer> {
    const backoff = new Backoff(200, 3_000);
    for (;;) {
      try {
        return await this.asked(bearer, "GET", path, asking);
      } catch (cause) {
        const error = errorOfFailure(cause);
        const last = backoff.attempts + 1 >= READ_ATTEMPTS || (error.retryAfter ?? 0) > LONGEST_WAIT;
        if (!error.temporary || last) throw error;
        await pause(backoff.next(error.retryAfter), asking.signal);
      }
    }
  }
}

function bearing(token: string, asking: Asking): Asking {
  return { ...asking, headers: { ...asking.headers, Authorization: `Bearer ${token}` } };
}
