// Receipts on their way out: the highest of each chat, gathered, told once, told again after a cut.
import type { Connection } from "./connection.js";
import type { SaidOf } from "./types.js";

type Kind = "read" | "delivered";
const GATHER_MS = 50;

export class ReceiptsOut {
  readonly #wanted = new Map<string, number>();
  readonly #told = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly connection: Connection) {
    // What was told and not answered may not have arrived.
    connection.on("state", ({ status }) => {
      if (status !== "online") this.#told.clear();
    });
  }

  /** Move a horizon; less than was asked before changes nothing. */
  advance(chatId: string, kind: Kind, seq: number): void {
    const key = `${kind} ${chatId}`;
    if (seq <= (this.#wanted.get(key) ?? 0)) return;
    this.#wanted.set(key, seq);
    this.flush(GATHER_MS);
  }

  /** Tell what is wanted and not told yet. */
  flush(milliseconds = 0): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#tell();
    }, milliseconds);
  }

  /** One's own horizon, as the server says it is: what is up to there need not be told. */
  passed(chatId: string, kind: Kind, seq: number): void {
    const kinds: Kind[] = kind === "read" ? ["read", "delivered"] : ["delivered"];
    for (const key of kinds.map((one) => `${one} ${chatId}`)) {
      if ((this.#wanted.get(key) ?? Infinity) <= seq) this.#drop(key);
    }
  }

  /** A receipt that was refused: told again where it was only too many; else it is given up. */
  refused(said: SaidOf<"error">): void {
    const key = String(said.ref).slice("receipt ".length);
    if (["rate_limited", "unavailable", "overloaded"].includes(said.code)) {
      this.#told.delete(key);
      this.flush((said.retry_after ?? 1) * 1000);
    } else this.#drop(key);
  }

  clear(): void {
    this.#wanted.clear();
    this.#told.clear();
  }

  #tell(): void {
    for (const [key, seq] of this.#wanted) {
      if ((this.#told.get(key) ?? 0) >= seq) continue;
      const [kind, chatId] = key.split(" ") as [Kind, string];
      // Read implies delivered.
      if (kind === "delivered" && (this.#wanted.get(`read ${chatId}`) ?? 0) >= seq) continue;
      const type = kind === "read" ? "message_read" : "message_delivered";
      if (!this.connection.say({ type, chat_id: chatId, seq, ref: `receipt ${key}` })) return;
      this.#told.set(key, seq);
    }
  }

  #drop(key: string): void {
    this.#wanted.delete(key);
    this.#told.delete(key);
  }
}
