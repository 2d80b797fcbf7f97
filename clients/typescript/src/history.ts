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
  /** Of each page on its way, what was heard meanwhile: it may have been read before that. */
  readonly #flights = new Set<(() => unknown)[]>();

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
    return this.#twice(() => this.#reached(message) && this.#log.put(message));
  }

  change(said: Change): void {
    const changed = this.#twice(() => this.#log.change(said));
    if (changed !== null) this.told([changed]);
  }

  restore(message: Message, seq: number): void {
    this.#twice(() => this.#reached(message) && this.#log.restore(message, seq));
    this.told([message]);
  }

  passed(kind: "read" | "delivered", readerId: string, seq: number, at: string | null): void {
    this.#told(this.#twice(() => this.#log.passed(kind, readerId, seq, at)));
  }

  attachment(file: Attachment): void {
    this.#told(this.#log.attachment(file));
  }

  /** Ask again after files that were being checked: what became of them is pushed, and may be lost. */
  async recheck(): Promise<void> {
    const turn = this.#turn;
    // After a reset whose page failed.
    if (this.#loaded && this.#first === null && !this.#oldest) await this.#page({});
    for (const { id, attachment_state } of this.all) {
      if (attachment_state !== "scanning" && attachment_state !== "uploading") continue;
      const message = await this.api.get("/api/messages/{id}/", { path: { id } });
      if (turn !== this.#turn) return;
      if (this.put(message)) this.told([message]);
    }
  }

  /** Void, and gone at once; then fetched afresh where it was held, by `recheck` where that fails. */
  async reset(): Promise<void> {
    this.clear();
    this.told([]);
    if (this.#loaded) await this.#page({});
  }

  clear(): void {
    this.#turn += 1;
    this.#log.clear();
    this.#oldest = false;
    this.#first = null;
  }

  /** Nothing is held any more. */
  close(): void {
    this.#loaded = false;
    this.clear();
  }

  async #page(query: { before_seq?: number }): Promise<void> {
    const turn = this.#turn;
    const given = { query: { chat_id: this.chatId, limit: PAGE, ...query } };
    const flight: (() => unknown)[] = [];
    this.#flights.add(flight);
    const page = await this.api.get("/api/messages/", given).finally(() => this.#flights.delete(flight));
    if (turn !== this.#turn) return;
    for (const message of page.results) this.#log.put(message);
    for (const { seq } of page.results) this.#first = Math.min(this.#first ?? seq, seq);
    if (page.results.length < PAGE) this.#oldest = true;
    for (const again of flight) again();
    this.told([]);
  }

  /** Now, and again upon each page that is on its way. */
  #twice<Result>(apply: () => Result): Result {
    for (const flight of this.#flights) flight.push(apply);
    return apply();
  }

  #reached({ seq }: Message): boolean {
    return this.#loaded && (this.#oldest || this.#first === null || seq >= this.#first);
  }

  #told(changed: readonly Message[]): void {
    if (changed.length > 0) this.told(changed);
  }
}
