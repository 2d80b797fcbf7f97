import type { JSX } from "preact";
import { Confirm } from "../design/Confirm";
import type { Asking } from "./deeds";

/** What archiving and blocking do, before they are done. */
export function Ask({ asking, onClose }: { asking: Asking; onClose: () => void }): JSX.Element {
  const { chat, deed } = asking;
  const name = chat.detail.other_participant.full_name;
  if (deed === "archive") {
    return (
      <Confirm title={`Archive the chat with ${name}?`} action="Archive" run={() => chat.setStatus("archived")} onClose={onClose}>
        <p>Neither of you can write in it until you take it out of the archive. What was said can still be read by both.</p>
        <p>An urgent message of {name} still comes through to you.</p>
      </Confirm>
    );
  }
  return (
    <Confirm title={`Block ${name}?`} action="Block" danger run={() => chat.setStatus("blocked")} onClose={onClose}>
      <p>
        {name} can't write to you, and <strong>no urgent message comes through</strong>: they are told at once whom to call instead. You can't write
        either. What was said can still be read by both.
      </p>
      <p>Neither of you sees whether the other is there, types, or has read. You can lift the block at any time.</p>
    </Confirm>
  );
}
