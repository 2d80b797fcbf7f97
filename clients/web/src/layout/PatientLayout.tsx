import type { JSX } from "preact";
import { Account } from "../account/Account";
import { Icon } from "../design/icons";
import { PatientChats } from "../patient/PatientChats";
import { SafetyLine } from "../patient/SafetyLine";
import { Access } from "../room/Room";
import { place, to } from "../router";
import { chatOf, chats } from "../state/chats";
import { synced } from "../state/client";
import { Thread } from "../thread/Thread";
import { UrgentButton } from "../urgent/UrgentButton";
import { UrgentHost } from "../urgent/UrgentDialog";
import { OfflineStrip } from "./OfflineStrip";
import { Nothing } from "./TherapistLayout";
import { TopBar } from "./TopBar";

/** A patient's one chat at once; a list only where there are several. */
export function PatientLayout(): JSX.Element {
  return (
    <div class="shell patient">
      <TopBar />
      <section aria-label="For your safety">
        <OfflineStrip />
        <SafetyLine />
      </section>
      <main class="pane">
        <Main />
      </main>
      <UrgentHost />
    </div>
  );
}

function Main(): JSX.Element {
  const { value: at } = place;
  if (at.name === "account") return <Account />;
  const several = chats.value.length > 1;
  // An address may be of before: another's who signed in here, or of a chat that is gone.
  const meant = at.name === "chat" || at.name === "room" ? chatOf(at.chatId) : undefined;
  const chat = meant ?? (several ? undefined : chats.value[0]);
  if (chat === undefined) {
    if (!synced.value) return <Nothing text="Loading…" />;
    return several ? <PatientChats /> : <Nothing text="You have no chat at present. Your therapist can open one." />;
  }
  if (at.name === "room") return <Access key={chat.id} chat={chat} back={to.chat(chat.id)} />;
  return <Thread key={chat.id} chat={chat} {...(several ? { back: to.home } : {})} actions={<AccessLink chatId={chat.id} />} urgent={<UrgentButton chat={chat} />} />;
}

function AccessLink({ chatId }: { chatId: string }): JSX.Element {
  return (
    <a class="button-plain" href={to.room(chatId)} aria-label="Who can read this chat">
      <Icon name="lock" /> <span class="wide-only">Who can read this</span>
    </a>
  );
}
