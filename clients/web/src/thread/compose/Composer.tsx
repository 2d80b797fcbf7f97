import type { Chat, Message } from "@therapyconnect/client";
import type { ComponentChildren, JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { Icon } from "../../design/icons";
import { openMenu, type MenuItem } from "../../design/Menu";
import { announce } from "../../state/announcer";
import { client } from "../../state/client";
import { mySide } from "../../state/role";
import { draftOf, keepDraft } from "../../state/drafts";
import { toast } from "../../state/toasts";
import { plain } from "../../words/errors";
import { attempt } from "../deeds";
import { AppointmentForm } from "./AppointmentForm";
import { PrescriptionForm } from "./PrescriptionForm";
import { UploadChip } from "./UploadChip";
import type { Upload } from "./uploads";
import { Writing } from "./Writing";

/** What the next words are: new, an answer, or another wording of what was said. */
export type Mode =
  | { readonly kind: "new" }
  | { readonly kind: "reply" | "edit"; readonly message: Message };

interface Props {
  readonly chat: Chat;
  readonly mode: Mode;
  readonly uploads: readonly Upload[];
  readonly onFiles: (files: readonly File[]) => void;
  /** The mode's end; the uploads that went with it are gone too. */
  readonly onDone: (sent: readonly Upload[]) => void;
  readonly onUp: () => void;
  readonly urgent?: ComponentChildren;
}

const TAKEN = ".jpg,.jpeg,.png,.webp,.gif,.pdf,.txt,.docx,.odt";

export function Composer({ chat, mode, uploads, onFiles, onDone, onUp, urgent }: Props): JSX.Element {
  const [form, setForm] = useState<"appointment" | "prescription" | null>(null);
  const files = useRef<HTMLInputElement>(null);
  const me = client.userId ?? "";
  const good = uploads.filter(({ attachment }) => attachment.value !== null);
  const busy = uploads.some(({ attachment, error }) => attachment.value === null && error.value === null);

  const send = (text: string): boolean => {
    try {
      const reply = mode.kind === "reply" ? { reply_to: mode.message.id } : {};
      if (good.length === 0) chat.send({ text, ...reply });
      good.forEach(({ attachment, name }, index) => {
        const file = attachment.value;
        if (file === null) return;
        const words = index === 0 && text.trim() !== "" ? text : name;
        const message_type = file.content_type.startsWith("image/") ? "image" : "file";
        chat.send({ text: words, message_type, attachment_id: file.id, ...(index === 0 ? reply : {}) });
      });
    } catch (error) {
      toast(plain(error));
      return false;
    }
    onDone(good);
    return true;
  };
  const edit = async (text: string): Promise<boolean> => {
    if (mode.kind !== "edit") return false;
    if (text !== mode.message.text && !(await attempt(chat.edit(mode.message.id, text)))) return false;
    onDone([]);
    announce("Message changed.");
    return false; // the field goes, with its text
  };
  const more = (button: HTMLElement): void => {
    const items: MenuItem[] = [
      { label: "Attach a file", icon: "attach", run: () => files.current?.click() },
      { label: "Propose an appointment", icon: "calendar", run: () => setForm("appointment") },
    ];
    if (mySide() === "therapist") items.push({ label: "Write a prescription", icon: "pill", run: () => setForm("prescription") });
    openMenu(button, "Add", items);
  };

  return (
    <div class="composer">
      {mode.kind !== "new" && (
        <div class="mode">
          <Icon name={mode.kind === "reply" ? "reply" : "edit"} size={18} />
          <span class="grow clip">
            <strong>{mode.kind === "reply" ? "Reply to " : "Edit "}</strong>
            {mode.message.text}
          </span>
          <button type="button" class="plain icon" aria-label={mode.kind === "reply" ? "Don't reply to it" : "Don't edit"} onClick={() => onDone([])}>
            <Icon name="close" size={18} />
          </button>
        </div>
      )}
      {uploads.length > 0 && (
        <ul class="uploads">
          {uploads.map((one) => (
            <UploadChip key={one.id} upload={one} />
          ))}
        </ul>
      )}
      {mode.kind === "edit" ? (
        <Writing key={mode.message.id} label="Edit the message" initial={mode.message.text ?? ""} send="Save" onText={() => undefined} onSend={edit} onEscape={() => onDone([])} />
      ) : (
        <Writing
          key="new"
          label="Write a message"
          initial={draftOf(me, chat.id)}
          send="Send"
          also={good.length > 0}
          busy={busy}
          onText={(text) => {
            keepDraft(me, chat.id, text);
            if (text !== "") chat.type();
          }}
          onSend={send}
          onEscape={() => onDone([])}
          onUp={onUp}
          onFiles={onFiles}
          before={
            <button type="button" class="plain icon" aria-label="Add a file or an appointment" aria-haspopup="menu" onClick={(event) => more(event.currentTarget)}>
              <Icon name="plus" />
            </button>
          }
          after={urgent}
        />
      )}
      <input
        ref={files}
        type="file"
        class="sr-only"
        tabIndex={-1}
        aria-label="Attach a file"
        multiple
        accept={TAKEN}
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
      {form === "appointment" && <AppointmentForm chat={chat} onClose={() => setForm(null)} />}
      {form === "prescription" && <PrescriptionForm chat={chat} corrects={null} onClose={() => setForm(null)} />}
    </div>
  );
}
