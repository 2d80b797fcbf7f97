// The whole of it: one user, one session, one socket.
import { Account } from "./account.js";
import { Alerts } from "./alerts.js";
import { Api } from "./api.js";
import type { Chat } from "./chat.js";
import type { NewMessage } from "./chat-events.js";
import { Care } from "./care.js";
import { Chats } from "./chats.js";
import { Connection, type ConnectionState, type SocketMaker } from "./connection.js";
import { Emitter } from "./emitter.js";
import { aborted, errorOfFailure, signedOut } from "./errors.js";
import { Http } from "./http.js";
import { Inbox } from "./inbox.js";
import { Outbox } from "./outbox.js";
import type { Outgoing } from "./outgoing.js";
import { Notifications } from "./notifications.js";
import { Backoff, Gate, pause } from "./pause.js";
import { MemoryQueueStore, type QueueStore } from "./queue-store.js";
import { ReceiptsOut } from "./receipts.js";
import { Session, type LogIn } from "./session.js";
import { MemoryTokenStore, type TokenStore } from "./tokens.js";
import { roleOf } from "./types.js";
import type { Alert, Attachment, CrisisResource, Me, Message, Notification, Said, Settings, SettingsChange } from "./types.js";
import { Uploads } from "./uploads.js";

export interface Options {
  /** Where the server is: `https://chat.clinic.example`. */
  readonly url: string;
  /** Where the tokens are kept; in memory, unless given. */
  readonly tokens?: TokenStore;
  /** Where outgoing messages wait; in memory, unless given. */
  readonly queue?: QueueStore;
  /** How many may wait (an emergency always may). */
  readonly queueLimit?: number;
  /** A WebSocket class, where the platform has none (Node before 22). */
  readonly WebSocket?: SocketMaker;
  readonly fetch?: typeof globalThis.fetch;
  /** How long a request may take. */
  readonly requestSeconds?: number;
  /** So long before its end a token is replaced. */
  readonly renewSeconds?: number;
}

export interface ClientEvents {
  /** A message in any chat: each once, in its chat's order. */
  message: NewMessage;
  /** The other one's urgent message, or one that was flagged later: to be shown, also where muted. */
  emergency: { readonly chat: Chat; readonly message: Message };
  alert: Alert;
  notification: Notification;
  /** A file of one's own, or one that a message carries, was checked. Held messages have it already. */
  attachment: { readonly chatId: string; readonly attachment: Attachment };
  outgoing: Outgoing;
  connection: ConnectionState;
  /** All that was missed is here. */
  synced: undefined;
  /** Who is signed in; null once nobody is. */
  user: string | null;
}

/** How many chats are asked after at a time. */
const AT_ONCE = 6;

export class TherapyConnect extends Emitter<ClientEvents> {
  readonly session: Session;
  readonly account: Account;
  readonly connection: Connection;
  /** Every route, typed. */
  readonly api: Api;
  readonly chats: Chats;
  readonly alerts: Alerts;
  readonly notifications: Notifications;
  readonly care: Care;
  readonly outbox: Outbox;
  readonly uploads: Uploads;
  readonly #inbox: Inbox;
  readonly #receipts: ReceiptsOut;
  #synced = false;
  #stops = 0;
  #crisis: readonly CrisisResource[] = [];
  #rechecking: AbortController | null = null;

  constructor(options: Options) {
    super();
    const spare = options.renewSeconds ?? 60;
    const http = new Http(
      options.url,
      options.fetch ?? globalThis.fetch.bind(globalThis),
      options.requestSeconds ?? 15,
    );
    const Socket = options.WebSocket ?? (globalThis as { WebSocket?: SocketMaker }).WebSocket;
    if (Socket === undefined) throw new TypeError("This platform has no WebSocket: give one in the options.");
    this.session = new Session(http, options.tokens ?? new MemoryTokenStore(), spare);
    this.account = new Account(http, this.session);
    this.api = new Api(http, this.session);
    this.uploads = new Uploads(http, this.session);
    this.connection = new Connection(http, this.session, Socket);
    this.alerts = new Alerts(this.api);
    this.notifications = new Notifications(this.api);
    this.care = new Care(this.api);
    this.#receipts = new ReceiptsOut(this.connection);
    const queue = options.queue ?? new MemoryQueueStore();
    this.outbox = new Outbox(this.api, queue, options.queueLimit ?? 500, () => this.#crisis, (message) => {
      this.chats.find(message.chat_id)?.putMessage(message);
      // The server answers again: no need to wait out a long pause.
      if (!this.connection.online) this.connection.nudge();
    });
    this.chats = new Chats({
      api: this.api,
      gate: new Gate(AT_ONCE),
      outbox: this.outbox,
      receipts: this.#receipts,
      userId: () => this.userId ?? "",
      say: (asked) => this.connection.say(asked),
      heard: (news, urgent) => this.#heard(news, urgent),
    });
    this.#inbox = new Inbox(
      this.connection,
      this.chats,
      this.#receipts,
      () => this.userId ?? "",
      () => void this.#caughtUp(),
      ({ chat_id, message }) => {
        // Its alert may have come before it, and was confirmed for less.
        this.#receipts.advance(chat_id, "delivered", message.changed_seq);
        this.#urgent(chat_id, message);
      },
    );
    this.connection.on("frame", (said) => this.#hear(said));
    this.connection.on("state", (state) => {
      if (state.status !== "online") this.#rechecking?.abort();
      this.emit("connection", state);
    });
    this.connection.on("ready", () => {
      this.outbox.nudge();
      // Who is there is told from here on; who is not, is not told.
      for (const chat of this.chats.all) if (chat.online === true) chat.hearPresence(false);
    });
    this.outbox.on("changed", (outgoing) => {
      if (outgoing.crisisResources.length > 0) this.#crisis = outgoing.crisisResources;
      this.emit("outgoing", outgoing);
    });
    this.alerts.on("changed", (alert) => {
      this.#confirm(alert);
      this.emit("alert", alert);
    });
    this.notifications.on("came", (notification) => this.emit("notification", notification));
    this.session.on("user", (userId) => this.#user(userId));
  }

  /** Whom a patient can call, as last heard; empty before it was. */
  get crisisResources(): readonly CrisisResource[] {
    return this.#crisis;
  }

  /** Ask whom to call in one's own region, before anything happens; `crisisResources` has it from then on. */
  async loadCrisisResources(): Promise<readonly CrisisResource[]> {
    const { crisis_resources } = await this.api.get("/api/me/crisis-resources/", {});
    return (this.#crisis = crisis_resources);
  }

  get userId(): string | null {
    return this.session.userId;
  }

  /** Log in; where it comes to `done: false`, go on with its `factor`. Then `start`. */
  logIn(given: { email: string; password: string }): Promise<LogIn> {
    return this.session.logIn(given);
  }

  /** Connect, and stay connected. Resolves when the chats are here; throws where nobody is signed in. */
  async start(signal?: AbortSignal): Promise<this> {
    const stops = this.#stops;
    const heed = (): void => {
      if (stops !== this.#stops) throw aborted();
    };
    const userId = await this.session.restore();
    if (userId === null) throw signedOut();
    heed();
    await this.outbox.open(userId);
    heed();
    this.connection.start();
    if (!this.#synced) {
      await new Promise<void>((resolve, reject) => {
        const offs = [
          this.on("synced", () => settle(resolve)),
          this.on("user", (now) => {
            if (now === null) settle(() => reject(signedOut()));
          }),
          this.on("connection", ({ status }) => {
            if (status === "stopped") settle(() => reject(aborted()));
          }),
        ];
        const settle = (then: () => void): void => {
          for (const off of offs) off();
          then();
        };
        signal?.addEventListener("abort", () => settle(() => reject(errorOfFailure(signal.reason))));
      });
    }
    return this;
  }

  /** Disconnect; what waits to be sent goes on at the next `start`. */
  stop(): void {
    this.#stops += 1;
    this.api.turn += 1;
    this.connection.stop();
    this.outbox.close();
    this.#forget();
  }

  /** End the session. Nothing of it stays: tokens, queue, chats. */
  async logOut(): Promise<void> {
    this.stop();
    await this.outbox.clear();
    await this.session.logOut();
  }

  chat(chatId: string): Chat {
    return this.chats.get(chatId);
  }

  me(): Promise<Me> {
    return this.api.get("/api/me/", {});
  }

  /** One's own preferences. */
  settings(): Promise<Settings> {
    return this.api.get("/api/me/settings/", {});
  }

  /** Changes what is given; `null` clears quiet hours, working hours and the region. */
  changeSettings(body: SettingsChange): Promise<Settings> {
    return this.api.patch("/api/me/settings/", { body });
  }

  #hear(said: Said): void {
    this.#inbox.hear(said);
    const chat = "chat_id" in said && said.chat_id !== undefined ? this.chats.find(said.chat_id) : undefined;
    switch (said.type) {
      case "message_read_receipt":
        return chat?.hearReceipt("read", said.user_id, said.seq, said.read_at);
      case "message_delivered_receipt":
        return chat?.hearReceipt("delivered", said.user_id, said.seq, said.delivered_at);
      case "typing_indicator":
        return chat?.hearTyping(said.is_typing);
      case "presence":
        return chat?.hearPresence(said.online);
      case "emergency_updated":
        return void this.alerts.hear(said.emergency_alert);
      case "notification":
        return this.notifications.hear(said.notification);
      case "attachment_updated":
        chat?.hearAttachment(said.attachment);
        return this.emit("attachment", { chatId: said.chat_id, attachment: said.attachment });
      default:
    }
  }

  #heard(news: NewMessage, urgent: boolean): void {
    this.emit("message", news);
    // One that was flagged later rings by its flag.
    if (urgent && !news.message.deleted) this.#urgent(news.chat.id, news.message);
  }

  #urgent(chatId: string, message: Message): void {
    const chat = this.chats.find(chatId);
    if (chat === undefined) return;
    chat.putMessage(message);
    this.emit("emergency", { chat, message });
  }

  /** A device of the therapist's has heard of it: a message that was flagged later comes with no receipt of its own. */
  #confirm({ chat_id, state }: Alert): void {
    if (state !== "raised" || roleOf(this.userId ?? "") !== "therapist") return;
    const chat = this.chats.find(chat_id);
    if (chat !== undefined) this.#receipts.advance(chat_id, "delivered", chat.detail.last_seq);
  }

  async #caughtUp(): Promise<void> {
    this.#rechecking?.abort();
    const turn = new AbortController();
    this.#rechecking = turn;
    if (!this.#synced) {
      // Who has started is told what comes from here on: so what was there must be known. Chats don't wait for more
      // than that one look, whatever becomes of it.
      await this.notifications.load().catch(() => undefined);
      if (turn.signal.aborted) return;
    }
    this.#synced = true;
    this.emit("synced", undefined);
    await this.#recheck(turn);
  }

  /** What is only pushed, and may have been while nobody listened. Until it is known, or the line is lost. */
  async #recheck(turn: AbortController): Promise<void> {
    const loads = [() => this.alerts.load(), () => this.notifications.load()];
    loads.push(...this.chats.all.map((chat) => () => chat.recheck()));
    for (const load of loads) {
      const backoff = new Backoff(500, 15_000);
      while (!turn.signal.aborted) {
        try {
          await load();
          break;
        } catch (cause) {
          const error = errorOfFailure(cause);
          if (!error.temporary) break; // a message that is gone, say
          await pause(backoff.next(error.retryAfter), turn.signal);
        }
      }
    }
  }

  #user(userId: string | null): void {
    if (userId === null) {
      this.connection.stop();
      this.outbox.leave();
      this.#crisis = [];
      this.api.turn += 1;
    }
    this.#forget();
    this.emit("user", userId);
  }

  #forget(): void {
    this.#synced = false;
    this.#rechecking?.abort();
    this.#inbox.clear();
    this.#receipts.clear();
    this.chats.clear();
    this.alerts.clear();
    this.notifications.clear();
  }
}
