import type { Chat, Message, MessageVersion } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Dialog } from "../design/Dialog";
import { Problem } from "../design/Notice";
import { plain } from "../words/errors";
import { fullTimeOf } from "../words/times";
import { Text } from "./Text";

interface Props {
  readonly chat: Chat;
  readonly message: Message;
  readonly onClose: () => void;
}

/** What a message said before, the latest first. */
export function Versions({ chat, message, onClose }: Props): JSX.Element {
  const [versions, setVersions] = useState<readonly MessageVersion[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    chat.versions(message.id).then(
      ({ results }) => setVersions([...results].sort((one, other) => other.version - one.version)),
      (error: unknown) => setProblem(plain(error)),
    );
  }, [chat, message.id]);
  return (
    <Dialog title="Earlier versions" onClose={onClose}>
      <Problem text={problem} />
      {versions === null && problem === null && <p class="quiet">Loading…</p>}
      <ol class="versions">
        <li>
          <small>Now</small>
          <Text text={message.text ?? ""} />
        </li>
        {versions?.map(({ version, text, written_at }) => (
          <li key={version}>
            <small>{fullTimeOf(written_at)}</small>
            <Text text={text} />
          </li>
        ))}
      </ol>
    </Dialog>
  );
}
