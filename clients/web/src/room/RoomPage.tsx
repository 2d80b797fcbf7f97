import "./room.css";
import type { Chat } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { live } from "../state/chats";
import { About } from "./About";
import { ChatDeeds } from "./ChatDeeds";
import { Permissions } from "./Permissions";
import { Switch } from "./Setting";

/** The room's settings and permissions, a therapist's to change; what others change shows as it comes. */
export function RoomPage({ chat, onClose }: { chat: Chat; onClose: () => void }): JSX.Element {
  const { value: detail } = live(chat).detail;
  const name = detail.other_participant.full_name;
  return (
    <div class="page room">
      <div class="inner stack">
        <header class="row">
          <button type="button" class="plain icon" aria-label="Back to the chat" onClick={onClose}>
            <Icon name="back" />
          </button>
          <h1 class="grow">Room with {name}</h1>
        </header>
        <section class="card stack">
          <h2>About</h2>
          <p class="quiet">{name} can read this too.</p>
          <About chat={chat} room={detail.room} />
        </section>
        <section class="card">
          <h2>Your notifications</h2>
          <Switch label="Notify me about this chat" on={detail.therapist_notifications} change={(on) => chat.setNotifications(on)}>
            Off: new messages only count as unread. An urgent message still notifies you. {name} does not see this.
          </Switch>
        </section>
        <section class="card">
          <h2>Who may write and see what</h2>
          <Permissions chat={chat} room={detail.room} name={name} />
        </section>
        <section class="card">
          <h2>Closing</h2>
          <ChatDeeds chat={chat} detail={detail} name={name} />
        </section>
      </div>
    </div>
  );
}
