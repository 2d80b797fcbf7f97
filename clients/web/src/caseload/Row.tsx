import { useComputed } from "@preact/signals";
import type { Chat } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Avatar } from "../design/Avatar";
import { Icon } from "../design/icons";
import { openMenu } from "../design/Menu";
import { to } from "../router";
import { live } from "../state/chats";
import { client } from "../state/client";
import { now } from "../state/clock";
import { draftOf } from "../state/drafts";
import { briefly, since } from "../words/times";
import { deedsOf, type Asking } from "./deeds";
import { urgentSince } from "./triage";
import { waiting } from "./waiting";
import { marksOf, previewOf } from "./words";

interface Props {
  readonly chat: Chat;
  readonly current: boolean;
  /** Whether Tab leads here: to one row of the list. */
  readonly stop: boolean;
  readonly onAsk: (asking: Asking) => void;
}

/** One patient: what they said last, whether they wait, and for how long. */
export function Row({ chat, current, stop, onAsk }: Props): JSX.Element {
  const parts = live(chat);
  const { value: detail } = parts.detail;
  const { id, full_name: name } = detail.other_participant;
  const online = parts.online.value === true;
  const urgent = useComputed(() => urgentSince.value.has(chat.id)).value;
  const waits = useComputed(() => waitsIn(urgentSince.value.get(chat.id) ?? waiting.value.get(chat.id))).value;
  const at = useComputed(() => brieflyIn(parts.detail.value.last_message_timestamp)).value;
  const last = useComputed(() => parts.messages.value.at(-1)).value;
  const draft = current ? "" : draftOf(client.userId ?? "", chat.id);
  const preview = draft === "" ? previewOf(detail, last) : draft;
  const marks = marksOf(detail);
  const { unread_count: unread, marked_unread: marked } = detail;
  return (
    <li class={`patient-row${urgent ? " urgent" : ""}${unread > 0 || marked ? " unread" : ""}`}>
      <a href={to.chat(chat.id)} aria-current={current ? "page" : undefined} tabIndex={stop ? 0 : -1} data-chat={chat.id}>
        <Avatar id={id} name={name} online={online} />
        <span class="what">
          <span class="name clip">{name}</span>
          <span class="sr-only">{[urgent && ", urgent, nobody has taken it", online && ", online", ", "]}</span>
          <span class={`when${waits === "" ? "" : " waits"}`}>{waits || at}</span>
          <span class="marks">
            {marks.map((mark) => (
              <Mark key={mark} mark={mark} />
            ))}
            {urgent && <span class="tag danger" aria-hidden="true">Urgent</span>}
            {unread > 0 ? (
              <span class={`badge${urgent ? " danger" : ""}`}>
                {unread > 99 ? "99+" : unread} <span class="sr-only">unread,</span>
              </span>
            ) : (
              marked && (
                <span class="badge dot">
                  <span class="sr-only">Marked unread,</span>
                </span>
              )
            )}
          </span>
          <span class="preview clip">
            {draft !== "" && <b>Draft: </b>}
            {preview}
          </span>
        </span>
      </a>
      <button
        type="button"
        class="plain icon"
        aria-label={`More for ${name}`}
        aria-haspopup="menu"
        tabIndex={stop ? 0 : -1}
        onClick={({ currentTarget }) => openMenu(currentTarget, name, deedsOf(chat, onAsk))}
      >
        <Icon name="more" size={18} />
      </button>
    </li>
  );
}

function Mark({ mark }: { mark: string }): JSX.Element {
  if (mark !== "Muted") return <span class="tag">{mark}</span>;
  return (
    <span title={mark}>
      <Icon name="mute" size={16} />
      <span class="sr-only">{mark},</span>
    </span>
  );
}

const waitsIn = (at: string | undefined): string => {
  if (at === undefined) return "";
  const words = since(at, now.value);
  return words === "just now" ? words : `waits ${words}`;
};

const brieflyIn = (at: string | null): string => (at === null ? "" : briefly(at, now.value));
