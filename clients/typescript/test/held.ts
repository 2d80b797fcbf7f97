// Answers and frames that come late: held back by hand, so that nothing depends on speed.
import type { Options } from "../dist/index.js";

/** A `fetch` whose answers to some requests wait: they were read at the server, and are on their way. */
export class HeldAnswers {
  /** How many wait. */
  waiting = 0;
  #part: string | null = null;
  #released = Promise.resolve();
  #release = (): void => undefined;

  readonly fetch: typeof fetch = async (input, init) => {
    const held = this.#part !== null && String(input).includes(this.#part);
    const answer = await fetch(input, init);
    if (!held) return answer;
    const whole = new Response(await answer.text(), answer);
    this.waiting += 1;
    await this.#released;
    return whole;
  };

  /** From now on, where the address has this part. */
  hold(part: string): void {
    this.#part = part;
    this.#released = new Promise((resume) => (this.#release = resume));
  }

  release(): void {
    this.#part = null;
    this.#release();
  }
}

/** A WebSocket class; frames of these types wait until `release`, the others overtake them. */
export class HeldFrames {
  /** The types of those that wait. */
  readonly waiting: string[] = [];
  readonly WebSocket: NonNullable<Options["WebSocket"]>;
  #kept: (() => void)[] | null = [];

  constructor(...types: string[]) {
    const take = (type: string, hand: () => void): void => {
      if (this.#kept === null || !types.includes(type)) return hand();
      this.#kept.push(hand);
      this.waiting.push(type);
    };
    this.WebSocket = class {
      constructor(url: string, protocols: string[]) {
        const socket = new WebSocket(url, protocols);
        let heard: ((event: MessageEvent) => void) | null = null;
        Object.defineProperty(socket, "onmessage", { set: (listener: typeof heard) => (heard = listener) });
        socket.addEventListener("message", (event) => {
          take((JSON.parse(String(event.data)) as { type: string }).type, () => heard?.(event));
        });
        return socket;
      }
    } as unknown as NonNullable<Options["WebSocket"]>;
  }

  release(): void {
    const kept = this.#kept ?? [];
    this.#kept = null;
    for (const hand of kept) hand();
  }
}
