import type { Message } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../../design/Dialog";
import { Icon } from "../../design/icons";
import { Notice } from "../../design/Notice";
import { plain } from "../../words/errors";
import { attachmentIdOf } from "../attachment";
import { useBytes } from "../blob";
import { Text } from "../Text";
import { Download, FileCard, stateOf } from "./File";

/** A thumbnail in a frame of its own size, so that nothing jumps when it arrives; large on a click. */
export function ImageCard({ message }: { message: Message }): JSX.Element {
  const [large, setLarge] = useState(false);
  const ready = stateOf(message) === null;
  const name = message.attachment_name ?? "Image";
  const bytes = useBytes(attachmentIdOf(message), "thumbnail", ready);
  if (!ready) return <FileCard message={message} />;
  return (
    <>
      <button type="button" class="picture" aria-label={`Open ${name}`} onClick={() => setLarge(true)}>
        {bytes !== null && "url" in bytes ? <img src={bytes.url} alt={name} /> : <Icon name="image" size={32} />}
        {bytes !== null && "failed" in bytes && <small>It could not be loaded</small>}
      </button>
      {message.text !== name && <Text text={message.text ?? ""} />}
      {large && <Large message={message} name={name} onClose={() => setLarge(false)} />}
    </>
  );
}

function Large({ message, name, onClose }: { message: Message; name: string; onClose: () => void }): JSX.Element {
  const bytes = useBytes(attachmentIdOf(message), "file");
  return (
    <Dialog title={name} class="lightbox" onClose={onClose}>
      <div class="frame">
        {bytes === null && <p class="quiet">Loading…</p>}
        {bytes !== null && "url" in bytes && <img src={bytes.url} alt="The picture" />}
        {bytes !== null && "failed" in bytes && <Notice kind="danger">{plain(bytes.failed)}</Notice>}
      </div>
      <footer>
        <Download message={message} />
      </footer>
    </Dialog>
  );
}
