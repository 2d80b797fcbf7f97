// How a chat stands: as the server said last, with what was heard since.
import type { Api } from "./api.js";
import type { Gate } from "./pause.js";
import { roleOf, type ChatDetail, type Horizons, type Receipts } from "./types.js";

const REFRESH_MS = 150;
const STALE_READS = 5;

export class Standing {
  #detail: ChatDetail;
  #stale = 0;
  #refresh: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly api: Api,
    private readonly gate: Gate,
    private readonly userId: () => string,
    detail: ChatDetail,
    private readonly moved: () => void,
  ) {
    this.#detail = detail;
  }

  get detail(): ChatDetail {
    return this.#detail;
  }

  get role(): "therapist" | "patient" {
    return roleOf(this.userId()) === "therapist" ? "therapist" : "patient";
  }

  get mine(): Horizons {
    return this.#detail.receipts[this.role];
  }

  /** Whether this user may see what was said before it was withdrawn. */
  get seesHistory(): boolean {
    const { room } = this.#detail;
    return this.role === "therapist" ? room.therapist_can_see_history : room.patient_can_see_history;
  }

  change(some: Partial<ChatDetail>): void {
    this.#detail = { ...this.#detail, ...some };
    this.moved();
  }

  /** What a request was answered with; false where more is known by now. */
  put(detail: ChatDetail): boolean {
    // Read before something that was heard since: as often as that is likely, look again.
    if (detail.last_seq < this.#detail.last_seq || detail.receipts[this.role].read_seq < this.mine.read_seq) {
      this.#stale += 1;
      if (this.#stale <= STALE_READS) this.refreshSoon();
      return false;
    }
    this.#stale = 0;
    this.change({ ...detail, receipts: furthest(this.#detail.receipts, detail.receipts) });
    return true;
  }

  /** Take it as it is, also where less was known before: numbers were given anew. */
  replace(detail: ChatDetail): void {
    this.#detail = detail;
    this.#stale = 0;
  }

  /** A horizon that moved; false where it was known. */
  passed(role: "therapist" | "patient", kind: "read" | "delivered", seq: number): boolean {
    const held = this.#detail.receipts[role];
    const moved = {
      delivered_seq: Math.max(held.delivered_seq, seq),
      read_seq: kind === "read" ? Math.max(held.read_seq, seq) : held.read_seq,
    };
    if (moved.read_seq === held.read_seq && moved.delivered_seq === held.delivered_seq) return false;
    const read = moved.read_seq > held.read_seq;
    this.change({ receipts: { ...this.#detail.receipts, [role]: moved } });
    if (read && role === this.role) {
      if (seq >= this.#detail.last_seq) this.allRead();
      else this.refreshSoon();
    }
    return true;
  }

  allRead(): void {
    this.change({ unread_count: 0, marked_unread: false });
  }

  async fetch(): Promise<ChatDetail> {
    const path = { id: this.#detail.id };
    const detail = await this.gate.pass(() => this.api.get("/api/chats/{id}/", { path }));
    if ("unread_count" in detail) this.put(detail);
    return this.#detail;
  }

  /** Ask the server, once for all that calls this within a moment. */
  refreshSoon(): void {
    this.#refresh ??= setTimeout(() => {
      this.#refresh = null;
      this.fetch().catch(() => undefined); // the next event, or the next connection, asks again
    }, REFRESH_MS);
  }

  /** No more timers of it. */
  close(): void {
    if (this.#refresh !== null) clearTimeout(this.#refresh);
  }
}

/** Horizons only grow: an answer may be older than what was heard. */
function furthest(held: Receipts, come: Receipts): Receipts {
  const of = (role: "therapist" | "patient"): Horizons => ({
    delivered_seq: Math.max(held[role].delivered_seq, come[role].delivered_seq),
    read_seq: Math.max(held[role].read_seq, come[role].read_seq),
  });
  return { therapist: of("therapist"), patient: of("patient") };
}
