// One socket per user: opened, watched, renewed before its token ends, and opened again.
import { Emitter } from "./emitter.js";
import { errorOfFailure, type TherapyConnectError } from "./errors.js";
import type { Http } from "./http.js";
import { Backoff, pause, Since } from "./pause.js";
import type { Session } from "./session.js";
import type { Asked, Said } from "./types.js";

/** What of a WebSocket is used; the browser's, Node's (from 22 on), or the `ws` package's. */
export interface SocketLike {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}
export type SocketMaker = new (url: string, protocols: string[]) => SocketLike;

/** `waiting`: for the next attempt; `error` says what the last one met, where that is known. */
export type ConnectionState =
  | { readonly status: "stopped" | "connecting" | "online" }
  | { readonly status: "waiting"; readonly until: number; readonly error?: TherapyConnectError };

export interface ConnectionEvents {
  state: ConnectionState;
  /** Greeted: what is said now reaches the server. */
  ready: undefined;
  frame: Said;
}

interface Ending {
  readonly code: number;
  readonly greeted: boolean;
}

const GREETING_SECONDS = 15;
const ANSWER_SECONDS = 5;
const STEADY_SECONDS = 5;
const LOST = 1006;

export class Connection extends Emitter<ConnectionEvents> {
  #state: ConnectionState = { status: "stopped" };
  #running: AbortController | null = null;
  #wake: AbortController = new AbortController();
  #socket: SocketLike | null = null;
  #lose: (() => void) | null = null;
  #probe: (() => void) | null = null;
  readonly #backoff = new Backoff();

  constructor(
    private readonly http: Http,
    private readonly session: Session,
    private readonly Socket: SocketMaker,
  ) {
    super();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get online(): boolean {
    return this.#state.status === "online";
  }

  start(): void {
    if (this.#running !== null) return;
    const running = new AbortController();
    this.#running = running;
    if (typeof addEventListener === "function") {
      addEventListener("online", () => this.nudge(), { signal: running.signal });
      addEventListener("offline", () => this.lose(), { signal: running.signal });
      addEventListener("pageshow", () => this.check(), { signal: running.signal });
    }
    if (typeof document !== "undefined") {
      const seen = (): void => void (document.visibilityState === "visible" && this.check());
      document.addEventListener("visibilitychange", seen, { signal: running.signal });
    }
    void this.#run(running.signal);
  }

  stop(): void {
    this.#running?.abort();
    this.#running = null;
    this.#wake.abort();
    this.lose();
    this.#is({ status: "stopped" });
  }

  /** Try again now, instead of after the pause: the network is back, the page is looked at. */
  nudge(): void {
    this.#wake.abort();
  }

  /** The page is looked at again, perhaps after hours of sleep: is the line alive? Doubt it at once. */
  check(): void {
    this.nudge();
    this.#probe?.();
  }

  /** Give this socket up and open another: it can't be trusted any more. */
  lose(): void {
    this.#lose?.();
  }

  /** Whether it went out; what is said while offline is not kept. */
  say(asked: Asked): boolean {
    if (!this.online || this.#socket === null) return false;
    this.#socket.send(JSON.stringify(asked));
    return true;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#is({ status: "connecting" });
      let wait: number;
      let met: TherapyConnectError | undefined;
      try {
        const token = await this.session.token();
        if (signal.aborted) return;
        const begun = new Since();
        const ending = await this.#live(token, signal);
        if (signal.aborted) return;
        if (ending.greeted && begun.milliseconds > STEADY_SECONDS * 1000) this.#backoff.reset();
        wait = await this.#after(ending, token);
      } catch (cause) {
        met = errorOfFailure(cause);
        if (met.code === "signed_out") {
          if (!signal.aborted) this.stop();
          return;
        }
        wait = this.#backoff.next(met.retryAfter);
      }
      if (signal.aborted) return;
      this.#wake = new AbortController();
      const until = Date.now() + wait;
      this.#is({ status: "waiting", until, ...(met === undefined ? {} : { error: met }) });
      await pause(wait, this.#wake.signal);
    }
  }

  /** How long to wait after a socket's end; throws what keeps it from being opened. */
  async #after(ending: Ending, token: string): Promise<number> {
    const wait = this.#backoff.next();
    if (ending.code === 4401) await this.session.renew(token);
    // A browser does not say why the server refused the socket; a request with the same token does.
    else if (!ending.greeted) await this.http.asked(this.session, "GET", "/api/me/");
    if (ending.code === 1001) return wait + Math.random() * 2_000;
    if (ending.code === 1008) return wait + 10_000;
    return wait;
  }

  #live(token: string, signal: AbortSignal): Promise<Ending> {
    return new Promise((resolve) => {
      const url = this.http.address(`/ws/notifications/${this.session.userId ?? ""}/`).replace(/^http/, "ws");
      const socket = new this.Socket(url, ["therapyconnect.v1", `bearer.${token}`]);
      let greeted = false;
      let heard = new Since();
      let asked: Since | null = null;
      let silence = Infinity;
      const renewing = new AbortController();
      const end = (code: number): void => {
        clearInterval(watch);
        clearTimeout(greeting);
        renewing.abort();
        signal.removeEventListener("abort", lose);
        socket.onmessage = socket.onclose = null;
        socket.onerror = () => undefined;
        if (this.#lose === lose) this.#socket = this.#lose = this.#probe = null;
        try {
          socket.close();
        } catch {
          // It was not open yet, which some implementations mind.
        }
        resolve({ code, greeted });
      };
      const lose = (): void => end(LOST);
      this.#lose = lose;
      signal.addEventListener("abort", lose);
      const greeting = setTimeout(lose, GREETING_SECONDS * 1000);
      const probe = (): void => {
        asked ??= new Since();
        this.say({ type: "ping" });
      };
      // Ask for a sign of life in each silence; none in time, and the line is dead.
      const watch = setInterval(() => {
        if (asked === null) return void (heard.milliseconds >= silence && probe());
        if (asked.milliseconds > ANSWER_SECONDS * 1000) lose();
      }, 1_000);
      socket.onerror = () => setTimeout(lose, 50); // `close` follows with its code, if at all
      socket.onclose = ({ code }) => end(code);
      socket.onmessage = ({ data }) => {
        heard = new Since();
        asked = null;
        const said = JSON.parse(String(data)) as Said;
        if (said.type === "connection_established" && !greeted) {
          greeted = true;
          clearTimeout(greeting);
          silence = said.heartbeat_seconds * 500;
          this.#socket = socket;
          this.#probe = probe;
          void this.#renewBefore(token, renewing.signal);
          this.#is({ status: "online" });
          this.emit("ready", undefined);
        }
        this.emit("frame", said);
      };
    });
  }

  /** Before the token ends, tell the socket a fresh one; again and again while it lives. */
  async #renewBefore(token: string, signal: AbortSignal): Promise<void> {
    let known = token;
    while (!signal.aborted) {
      await pause(Math.min(Math.max(this.session.dueIn(known), 200), 2 ** 31 - 1), signal);
      if (signal.aborted) return;
      try {
        const fresh = await this.session.token();
        if (fresh !== known) this.say({ type: "authenticate", token: fresh });
        known = fresh;
      } catch (error) {
        if (errorOfFailure(error).code === "signed_out") return this.lose();
        await pause(2_000, signal);
      }
    }
  }

  #is(state: ConnectionState): void {
    if (this.#state.status === "stopped" && state.status === "stopped") return;
    this.#state = state;
    this.emit("state", state);
  }
}
