import { useSignal } from "@preact/signals";
import type { Chat, Message } from "@therapyconnect/client";
import type { ComponentChildren, JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "../design/icons";
import { live } from "../state/chats";
import { mySide } from "../state/role";
import { closedBecause } from "./closed";
import { Composer, type Mode } from "./compose/Composer";
import { PrescriptionForm } from "./compose/PrescriptionForm";
import { upload, type Upload } from "./compose/uploads";
import type { Asked } from "./deeds";
import { Header } from "./Header";
import { Log } from "./Log";
import { focusLast } from "./roving";
import { Versions } from "./Versions";

interface Props {
  readonly chat: Chat;
  /** Where the arrow leads on a narrow screen; without it there is none. */
  readonly back?: string;
  /** More in the header, at its end. */
  readonly actions?: ComponentChildren;
  /** Beside the composer, and beside the sentence that stands for it: a patient's way to call for help. */
  readonly urgent?: ComponentChildren;
}

/** One chat: who it is with, what was said, and what one writes. */
export function Thread({ chat, back, actions, urgent }: Props): JSX.Element {
  const parts = live(chat);
  const { value: detail } = parts.detail;
  const [mode, setMode] = useState<Mode>({ kind: "new" });
  const [reading, setReading] = useState<Message | null>(null);
  const [correcting, setCorrecting] = useState<Message | null>(null);
  const uploads = useSignal<readonly Upload[]>([]);
  const frame = useRef<HTMLElement>(null);
  const closed = closedBecause(detail, mySide());
  const write = (): void => frame.current?.querySelector("textarea")?.focus();
  const readBack = (): void => {
    const list = frame.current?.querySelector<HTMLElement>('[role="log"]');
    if (list) focusLast(list);
  };
  const asked = useMemo<Asked>(
    () => ({
      reply: (message) => {
        setMode({ kind: "reply", message });
        write();
      },
      edit: (message) => setMode({ kind: "edit", message }),
      versions: setReading,
      correct: setCorrecting,
    }),
    [],
  );
  const onFiles = (files: readonly File[]): void => {
    if (closed !== null) return;
    const drop = (gone: Upload): void => {
      uploads.value = uploads.value.filter((one) => one !== gone);
    };
    uploads.value = [...uploads.value, ...files.map((file) => upload(chat.id, file, drop))];
    write();
  };
  const onDone = (sent: readonly Upload[]): void => {
    uploads.value = uploads.value.filter((one) => !sent.includes(one));
    setMode({ kind: "new" });
  };

  return (
    <section ref={frame} class="thread" aria-label={`Chat with ${detail.other_participant.full_name}`} {...useDrop(onFiles)}>
      <Header chat={chat} back={back} actions={actions} />
      <Log chat={chat} open={closed === null} asked={asked} onLeave={write} />
      <div class="foot">
        <p class="typing" aria-hidden={!parts.typing.value}>
          {parts.typing.value && `${detail.other_participant.first_name || "The other"} is writing…`}
        </p>
        {closed === null ? (
          <Composer chat={chat} mode={mode} uploads={uploads.value} onFiles={onFiles} onDone={onDone} onUp={readBack} urgent={urgent} />
        ) : (
          <div class="closed">
            <Icon name="lock" />
            <p class="grow">{closed}</p>
            {urgent}
          </div>
        )}
      </div>
      {reading !== null && <Versions chat={chat} message={reading} onClose={() => setReading(null)} />}
      {correcting !== null && <PrescriptionForm chat={chat} corrects={correcting} onClose={() => setCorrecting(null)} />}
    </section>
  );
}

interface Drop {
  readonly "data-drop"?: true;
  readonly onDragOver: (event: DragEvent) => void;
  readonly onDragLeave: (event: DragEvent) => void;
  readonly onDrop: (event: DragEvent) => void;
}

/** Files may be let go anywhere on the chat. */
function useDrop(onFiles: (files: readonly File[]) => void): Drop {
  const [over, setOver] = useState(false);
  return {
    ...(over ? { "data-drop": true as const } : {}),
    onDragOver: (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: (event) => {
      if (!(event.currentTarget as Element).contains(event.relatedTarget as Node | null)) setOver(false);
    },
    onDrop: (event) => {
      event.preventDefault();
      setOver(false);
      onFiles([...(event.dataTransfer?.files ?? [])]);
    },
  };
}
