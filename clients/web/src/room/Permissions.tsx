import type { Chat, Room } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Confirm } from "../design/Confirm";
import { Switch } from "./Setting";

/** Who may write and who sees what was said. Hiding it asks first: it is seen at once by the other. */
export function Permissions({ chat, room, name }: { chat: Chat; room: Room; name: string }): JSX.Element {
  const [hiding, setHiding] = useState<"patient" | "therapist" | null>(null);
  return (
    <>
      <Switch label={`${name} may write`} on={room.patient_can_send} change={(on) => chat.room.permit({ patient_can_send: on })}>
        Off: {name} can read here but not write. An urgent message still comes through.
      </Switch>
      <Switch label="You may write" on={room.therapist_can_send} change={(on) => chat.room.permit({ therapist_can_send: on })}>
        Off: you can read here but not write, until you allow it again.
      </Switch>
      <Switch
        label={`${name} sees what was said before`}
        on={room.patient_can_see_history}
        change={async (on) => (on ? chat.room.permit({ patient_can_see_history: true }) : setHiding("patient"))}
      >
        Off: everything said up to that moment is hidden from {name}. What is said afterwards is seen. On again: everything is seen.
      </Switch>
      <Switch
        label="You see what was said before"
        on={room.therapist_can_see_history}
        change={async (on) => (on ? chat.room.permit({ therapist_can_see_history: true }) : setHiding("therapist"))}
      >
        Off: everything said up to that moment is hidden from you. What is said afterwards is seen. On again: everything is seen.
      </Switch>
      {hiding === "patient" && (
        <Confirm title={`Hide the history from ${name}?`} action="Hide it" run={() => chat.room.permit({ patient_can_see_history: false })} onClose={() => setHiding(null)}>
          <p>
            All messages up to now disappear for {name} at once: from the chat, from search and from quotes. Nothing is deleted, and you still see
            it. When you switch it on again, {name} sees all of it.
          </p>
        </Confirm>
      )}
      {hiding === "therapist" && (
        <Confirm title="Hide the history from yourself?" action="Hide it" run={() => chat.room.permit({ therapist_can_see_history: false })} onClose={() => setHiding(null)}>
          <p>All messages up to now disappear for you at once, unread ones too. Nothing is deleted. When you switch it on again, you see all of it.</p>
        </Confirm>
      )}
    </>
  );
}
