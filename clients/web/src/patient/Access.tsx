import type { Chat } from "@therapyconnect/client";
import type { JSX } from "preact";
import { live } from "../state/chats";

/** Who can read this chat, in plain words. */
export function Access({ chat, back }: { chat: Chat; back: string }): JSX.Element {
  const { therapist_full_name } = live(chat).detail.value;
  return (
    <div class="page">
      <div class="inner stack">
        <h1>Who can read this chat</h1>
        <p>You and {therapist_full_name}.</p>
        <a href={back}>Back to the chat</a>
      </div>
    </div>
  );
}
