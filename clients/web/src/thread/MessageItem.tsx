import type { Chat, Message } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { openMenu } from "../design/Menu";
import { client } from "../state/client";
import { fullTimeOf, timeOf } from "../words/times";
import { AlertState } from "./AlertState";
import { AppointmentCard } from "./cards/Appointment";
import { FileCard } from "./cards/File";
import { ImageCard } from "./cards/Image";
import { PrescriptionCard } from "./cards/Prescription";
import { deedsOf, type Asked } from "./deeds";
import type { Item } from "./layout";
import { STEPS } from "./status";
import { Text } from "./Text";
import { Ticks } from "./Ticks";

interface Props {
  readonly chat: Chat;
  readonly item: Item;
  readonly open: boolean;
  readonly asked: Asked;
  readonly onJump: (messageId: string) => void;
}

/** One message: whose it is, what it says, how far it got, and what may be done with it. */
export function MessageItem({ chat, item, open, asked, onJump }: Props): JSX.Element {
  const { message, joined, latest, replaced } = item;
  const mine = message.sender_id === client.userId;
  if (message.sender_id === null) {
    return (
      <li class="system" data-id={message.id} tabIndex={-1} aria-label={`${timeOf(message.timestamp)}. ${message.text ?? ""}`}>
        {message.text}
      </li>
    );
  }
  const edited = wasEdited(message);
  const deeds = (): ReturnType<typeof deedsOf> => deedsOf(chat, message, open, asked);
  const menu = (button: HTMLElement): void => {
    const items = deeds();
    const here = button.closest("li");
    if (items.length > 0 && here !== null) openMenu(button, `Message of ${timeOf(message.timestamp)}`, items, here);
  };
  const kinds = [mine ? "mine" : "theirs", joined && "joined", message.emergency && !message.deleted && "urgent", message.deleted && "deleted"];
  return (
    <li class={`message ${kinds.filter(Boolean).join(" ")}`} data-id={message.id} tabIndex={-1} aria-label={labelOf(message, mine)}>
      <div class="bubble">
        {message.emergency && !message.deleted && <AlertState message={message} />}
        {message.reply_to !== null && !message.deleted && (
          <button type="button" class="quote" tabIndex={-1} aria-label="Go to the message this answers" onClick={() => onJump(message.reply_to ?? "")}>
            {message.reply_to_text ?? "A message that can't be shown"}
          </button>
        )}
        {message.deleted ? <p class="text">This message was deleted.</p> : bodyOf(message, chat, open, replaced)}
        <span class="meta">
          {edited && (
            <button type="button" class="link" tabIndex={-1} onClick={() => asked.versions(message)}>
              edited
            </button>
          )}
          <time dateTime={message.timestamp} title={fullTimeOf(message.timestamp)}>
            {timeOf(message.timestamp)}
          </time>
          {mine && !message.deleted && <Ticks step={message.read_status} word={latest} />}
        </span>
      </div>
      {(!message.deleted || mine) && (
        <button type="button" class="plain icon more" tabIndex={-1} aria-label="What to do with this message" aria-haspopup="menu" onClick={(event) => menu(event.currentTarget)}>
          <Icon name="more" />
        </button>
      )}
    </li>
  );
}

function bodyOf(message: Message, chat: Chat, open: boolean, replaced: boolean): JSX.Element {
  switch (message.message_type) {
    case "appointment":
      return <AppointmentCard chat={chat} message={message} open={open} />;
    case "prescription":
      return <PrescriptionCard message={message} replaced={replaced} />;
    case "image":
      return <ImageCard message={message} />;
    case "file":
      return <FileCard message={message} />;
    default:
      return <Text text={message.text ?? ""} />;
  }
}

/** An answer to an appointment is a change too, but no other wording. */
function wasEdited({ edited, deleted, message_type }: Message): boolean {
  return edited && !deleted && message_type !== "appointment";
}

/** What is read out when one comes to it. */
function labelOf(message: Message, mine: boolean): string {
  const parts = [mine ? "You" : message.sender_name, timeOf(message.timestamp)];
  if (message.emergency) parts.push("urgent");
  if (wasEdited(message)) parts.push("edited");
  if (mine && !message.deleted) parts.push(STEPS[message.read_status]);
  return `${parts.join(", ")}: ${message.deleted ? "deleted" : (message.text ?? "")}`;
}
