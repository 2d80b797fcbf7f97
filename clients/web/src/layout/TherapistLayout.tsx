import type { JSX } from "preact";
import { Account } from "../account/Account";
import { AlertsButton } from "../alerts/AlertsButton";
import { AlertStrip } from "../alerts/AlertStrip";
import { AlertsPage } from "../alerts/AlertsPage";
import { Caseload } from "../caseload/Caseload";
import { Icon } from "../design/icons";
import { Notice } from "../design/Notice";
import { Room } from "../room/Room";
import { go, place, to } from "../router";
import { chatOf } from "../state/chats";
import { client, mustEnrol, synced } from "../state/client";
import { Thread } from "../thread/Thread";
import { OfflineStrip } from "./OfflineStrip";
import { TopBar } from "./TopBar";

/** Caseload beside the open chat; on a narrow screen one of them at a time. */
export function TherapistLayout(): JSX.Element {
  const { value: at } = place;
  const selected = at.name === "chat" || at.name === "room" ? at.chatId : null;
  return (
    <div class={`shell${at.name === "chat" ? " deep" : ""}`}>
      <TopBar>
        <AlertsButton />
      </TopBar>
      <div>
        <OfflineStrip />
        <AlertStrip />
      </div>
      <div class={`panes${at.name === "home" && !mustEnrol.value ? "" : " opened"}`}>
        <nav class="pane side" aria-label="Caseload">
          <Caseload selected={selected} />
        </nav>
        <main class="pane main">
          <Main />
        </main>
      </div>
    </div>
  );
}

function Main(): JSX.Element {
  const { value: at } = place;
  if (mustEnrol.value) return <Enrol />;
  if (at.name === "alerts") return <AlertsPage />;
  if (at.name === "account") return <Account />;
  if (at.name !== "chat" && at.name !== "room") return <Nothing text="Choose a chat to read and answer." />;
  const chat = chatOf(at.chatId);
  if (chat === undefined) return <Nothing text={synced.value ? "This chat is not there, or not yours." : "Loading…"} />;
  if (at.name === "room") return <Room key={chat.id} chat={chat} onClose={() => go(to.chat(chat.id))} />;
  return <Thread key={chat.id} chat={chat} back={to.home} actions={<RoomLink chatId={chat.id} />} />;
}

/** In a clinic's own installation: the account first, where a second factor is set up. */
function Enrol(): JSX.Element {
  return (
    <div class="page">
      <div class="inner">
        <Notice kind="warn" icon="key">
          Before you can read chats, set up a second factor below: an authenticator app, or a passkey. Then{" "}
          <button type="button" class="link" onClick={() => client.connection.nudge()}>
            open your chats
          </button>
          .
        </Notice>
      </div>
      <Account />
    </div>
  );
}

function RoomLink({ chatId }: { chatId: string }): JSX.Element {
  return (
    <a class="button-plain" href={to.room(chatId)} aria-label="Room settings">
      <Icon name="settings" />
    </a>
  );
}

export function Nothing({ text }: { text: string }): JSX.Element {
  return (
    <div class="empty">
      <Icon name="chat" size={48} />
      <h1 class="plain-words">{text}</h1>
    </div>
  );
}
