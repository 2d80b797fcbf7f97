import type { Chat } from "@therapyconnect/client";
import type { JSX } from "preact";
import { live } from "../state/chats";

/** The room's settings and permissions, a therapist's to change. */
export function RoomPage({ chat, onClose }: { chat: Chat; onClose: () => void }): JSX.Element {
  const { room } = live(chat).detail.value;
  return (
    <div class="page">
      <div class="inner stack">
        <h1>Room</h1>
        <p>{room.description}</p>
        <button type="button" onClick={onClose}>
          Back to the chat
        </button>
      </div>
    </div>
  );
}
