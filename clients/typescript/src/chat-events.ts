// What a chat tells, and what it needs of the client around it.
import type { Api } from "./api.js";
import type { Chat } from "./chat.js";
import type { Outbox } from "./outbox.js";
import type { Gate } from "./pause.js";
import type { ReceiptsOut } from "./receipts.js";
import type { Asked, ChatDetail, Message } from "./types.js";

export interface NewMessage {
  readonly chat: Chat;
  readonly message: Message;
  /** Sent by this user, here or on another device. */
  readonly mine: boolean;
  /** False where the reader muted the chat, and for one's own. */
  readonly notify: boolean;
}

export interface ChatEvents {
  /** A message is new: each once, in order. */
  message: NewMessage;
  /** A message was edited, deleted, restored, flagged, passed by a horizon, or its file was checked. */
  changed: Message;
  /** `messages` is another list. */
  messages: readonly Message[];
  /** The place of what may not be seen. */
  hidden: number;
  /** Status, room, names, unread, receipts. */
  detail: ChatDetail;
  typing: boolean;
  /** Null: not known (any more). */
  presence: boolean | null;
  /** What was held is void (after a restore, say), and was fetched afresh. */
  reset: undefined;
}

/** What a chat needs of the client around it. */
export interface Around {
  readonly api: Api;
  readonly gate: Gate;
  readonly outbox: Outbox;
  readonly receipts: ReceiptsOut;
  readonly userId: () => string;
  readonly say: (asked: Asked) => boolean;
  /** `urgent`: it was said as an emergency, and not flagged later. */
  readonly heard: (news: NewMessage, urgent: boolean) => void;
  readonly changed: (chat: Chat) => void;
}
