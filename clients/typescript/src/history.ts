// What is held of a chat's messages: pages and events laid together, from the newest page on.
import type { Api } from "./api.js";
import { MessageLog } from "./log.js";
import type { Attachment, Message, SaidOf } from "./types.js";

type Change = SaidOf<"message_edited"> | SaidOf<"message_deleted"> | SaidOf<"emergency_flagged">;

const PAGE = 50;

export class History {
  readonly #log = new MessageLog();
  #loaded = false;
  #oldest = false;
  /** The oldest number that pages reached: what lies before comes with its page, without a hole. */
  #first: number | null = null;
  /** What was asked for before a `clear` is not laid to what came after it. */
  #turn = 0;

  constructor(
    private readonly api: Api,
    private readonly chatId: string,
    /** The list is another; these of it changed. */
    private readonly told: (changed: readonly Message[]) => void,
  ) {}

  get all(): readonly Message[] {
    return this.#log.all;
  }

  async load(): Promise<void> {
    this.#loaded = true;
    await this.#page({});
  }

  /** Whether there may be more still. */
  async older(): Promise<boolean> {
    if (this.#oldest) return false;
    await this.#page(this.#first === null ? {} : { before_seq: this.#first });
    return !this.#oldest;
  }

  /** A message that is new here, or that something may have become of. */
  put(message: Message): boolean {
    return this.#reached(message) && this.#log.put(message);
  }

  change(said: Change): void {
    const changed = this.#log.change(said);
    if (changed !== null) this.told([changed]);
  }

  restore(message: Message, seq: number): void {
    if (this.#reached(message)) this.#log.restore(message, seq);
    this.told([message]);
  }

  passed(kind: "read" | "delivered", readerId: string, seq: number, at: string | null): void {
    this.#told(this.#log.passed(kind, readerId, seq, at));
  }

  attachment(file: Attachment): void {
    this.#told(this.#log.attachment(file));
  }

  /** Ask again after files that were being checked: what became of them is pushed, and may be lost. */
  async recheck(): Promise<void> {
    for (const { id, attachment_state } of this.all) {
      if (attachment_state !== "scanning" && attachment_state !== "uploading") continue;
      const message = await this.api.get("/api/messages/{id}/", { path: { id } });
      if (this.put(message)) this.told([message]);
    }
  }

  /** Void: fetched afresh where it was held. */
  async reset(): Promise<void> {
    this.clear();
    if (this.#loaded) await this.#page({});
  }

  clear(): void {
    this.#turn += 1;
    this.#log.clear();
    this.#oldest = false;
    this.#first = null;
  }

  async #page(query: { before_seq?: number }): Promise<void> {
    const turn = this.#turn;
    const given = { query: { chat_id: this.chatId, limit: PAGE, ...query } };
    const page = await this.api.get("/api/messages/", given);
    if (turn !== this.#turn) return;
    for (const message of page.results) this.#log.put(message);
    for (const { seq } of page.results) this.#first = Math.min(this.#first ?? seq, seq);
    if (page.results.length < PAGE) this.#oldest = true;
    this.told([]);
  }

  #reached({ seq }: Message): boolean {
    return this.#loaded && (this.#oldest || this.#first === null || seq >= this.#first);
  }

  #told(changed: readonly Message[]): void {
    if (changed.length > 0) this.told(changed);
  }
}
