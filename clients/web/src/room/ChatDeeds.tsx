import type { Chat, ChatDetail } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Ask } from "../caseload/Ask";
import { Confirm } from "../design/Confirm";
import { go, to } from "../router";
import { client } from "../state/client";
import { toast } from "../state/toasts";
import { Deed } from "./Setting";

type Asked = "archive" | "block" | "delete" | "end";

/** How the chat stands, and the ways to close it: each says what it does, for both. */
export function ChatDeeds({ chat, detail, name }: { chat: Chat; detail: ChatDetail; name: string }): JSX.Element {
  const [asked, setAsked] = useState<Asked | null>(null);
  const ask = (what: Asked) => async (): Promise<void> => setAsked(what);
  const { status, room, relationship_active: related } = detail;
  const close = (): void => setAsked(null);
  return (
    <>
      {room.is_active ? (
        <Deed title="Archive the room" action="Archive room" run={() => chat.room.archive()}>
          Nobody can write until you open it again. What was said can be read; an urgent message still comes through.
        </Deed>
      ) : (
        <Deed title="This room is archived" action="Open room" run={() => chat.room.activate()}>
          Nobody can write until you open it.
        </Deed>
      )}
      {status === "archived" && (
        <Deed title="This chat is archived" action="Take out of the archive" run={() => chat.setStatus("active")}>
          Neither of you can write until you take it out of the archive.
        </Deed>
      )}
      {status === "active" && (
        <Deed title="Archive the chat" action="Archive chat…" run={ask("archive")}>
          For a chat that rests: it moves to “Archived”, and neither of you can write.
        </Deed>
      )}
      {status === "blocked" ? (
        <Deed title="This chat is blocked" action="Unblock" run={() => chat.setStatus("active")}>
          Nothing comes through, not even an urgent message. You can lift your own block; one that {name} set is theirs to lift.
        </Deed>
      ) : (
        <Deed title={`Block ${name}`} action="Block…" danger run={ask("block")}>
          Nothing comes through any more, not even an urgent message.
        </Deed>
      )}
      {related ? (
        <>
          <Deed title="End the care relationship" action="End it…" danger run={ask("end")}>
            Both of you can still read what was said; nobody can write.
          </Deed>
          <Deed title="Delete the chat" action="Delete chat…" danger run={ask("delete")}>
            It disappears for both of you.
          </Deed>
        </>
      ) : (
        <p class="quiet">The care relationship has ended. What was said stays to be read by both of you, so the chat can't be deleted.</p>
      )}
      {(asked === "archive" || asked === "block") && <Ask asking={{ deed: asked, chat }} onClose={close} />}
      {asked === "end" && (
        <Confirm title={`End your care of ${name}?`} action="End the care relationship" danger understood={`I want to end my care of ${name}.`} run={() => end(chat)} onClose={close}>
          <p>
            From then on both of you can only read: <strong>no message is delivered, and no urgent one</strong>. {name} is told at once whom to
            call instead. Only the clinic's administration can begin it again.
          </p>
        </Confirm>
      )}
      {asked === "delete" && (
        <Confirm title={`Delete the chat with ${name}?`} action="Delete the chat" danger understood="I understand that it disappears for both of us." run={() => remove(chat, name)} onClose={close}>
          <p>
            The chat and everything said in it disappear for you and for {name}, and <strong>urgent messages do not reach you here any more</strong>.
            Only the clinic's administration can bring it back, and only for a while.
          </p>
        </Confirm>
      )}
    </>
  );
}

async function end(chat: Chat): Promise<void> {
  const care = (await client.care.list()).find((one) => one.patient_id === chat.detail.patient_id && one.active);
  if (care !== undefined) await client.care.end(care.id);
  await chat.fetch();
}

async function remove(chat: Chat, name: string): Promise<void> {
  await client.api.delete("/api/chats/{id}/", { path: { id: chat.id } });
  go(to.home);
  toast(`The chat with ${name} was deleted.`);
}
