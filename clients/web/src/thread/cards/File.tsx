import type { Message } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "../../design/icons";
import { client } from "../../state/client";
import { sizeOf } from "../../words/sizes";
import { attachmentIdOf } from "../attachment";
import { save } from "../blob";
import { attempt } from "../deeds";
import { Text } from "../Text";

/** What is said of a file that can't be had; null where it can. */
export function stateOf(message: Message): string | null {
  switch (message.attachment_state) {
    case "uploading":
    case "scanning":
      return "Being checked for viruses";
    case "quarantined":
      return "Refused: found to be unsafe";
    case "rejected":
      return "Refused: the file is damaged";
    default:
      return null;
  }
}

export function FileCard({ message }: { message: Message }): JSX.Element {
  const name = message.attachment_name ?? "File";
  const held = stateOf(message);
  return (
    <>
      <div class="filecard">
        <Icon name="file" size={26} />
        <span class="grow">
          <span class="name clip">{name}</span>
          <small>{held ?? sizeOf(message.attachment_size ?? 0)}</small>
        </span>
        {held === null && <Download message={message} />}
      </div>
      {message.text !== name && <Text text={message.text ?? ""} />}
    </>
  );
}

export function Download({ message }: { message: Message }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const id = attachmentIdOf(message);
  const name = message.attachment_name ?? "file";
  const download = async (): Promise<void> => {
    if (id === null) return;
    setBusy(true);
    await attempt(client.uploads.bytes(id).then((blob) => save(blob, name)));
    setBusy(false);
  };
  return (
    <button type="button" class="plain icon" disabled={busy} aria-busy={busy} aria-label={`Download ${name}`} onClick={() => void download()}>
      <Icon name="download" />
    </button>
  );
}
