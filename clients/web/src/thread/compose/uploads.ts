// Files that are to go with a message: sent to the server at once, named by the message later.
import { signal, type Signal } from "@preact/signals";
import { TherapyConnectError, type Attachment } from "@therapyconnect/client";
import { client } from "../../state/client";

export interface Upload {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  /** 0 to 1. */
  readonly progress: Signal<number>;
  readonly attachment: Signal<Attachment | null>;
  readonly error: Signal<TherapyConnectError | null>;
  readonly cancel: () => void;
  /** Once more, where the line was the reason. */
  readonly again: () => void;
}

let last = 0;

/** Begin; a cancelled one is told by `onGone`. */
export function upload(chatId: string, file: File, onGone: (upload: Upload) => void): Upload {
  let control = new AbortController();
  last += 1;
  const one: Upload = {
    id: last,
    name: file.name,
    size: file.size,
    progress: signal(0),
    attachment: signal(null),
    error: signal(null),
    cancel: () => {
      control.abort();
      onGone(one);
    },
    again: () => {
      one.error.value = null;
      one.progress.value = 0;
      control = new AbortController();
      send();
    },
  };
  const onProgress = (sent: number, total: number): void => {
    one.progress.value = total > 0 ? sent / total : 0;
  };
  const send = (): void => {
    const { signal } = control;
    client.uploads.send(chatId, file, { name: file.name, signal, onProgress }).then(
      (attachment) => (one.attachment.value = attachment),
      (error: unknown) => {
        if (signal.aborted) return;
        one.error.value = error instanceof TherapyConnectError ? error : new TherapyConnectError({ code: "network_error", message: "" });
      },
    );
  };
  send();
  return one;
}
