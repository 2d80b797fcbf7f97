import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../design/icons";

const MOST = 10_000;
const NEARLY = 9_500;

interface Props {
  readonly label: string;
  readonly initial: string;
  readonly send: string;
  /** Something besides the text is ready to go. */
  readonly also?: boolean;
  readonly busy?: boolean;
  readonly onText: (text: string) => void;
  /** Whether it was taken: then the field is empty again. */
  readonly onSend: (text: string) => boolean | Promise<boolean>;
  readonly onEscape?: () => void;
  /** Arrow up in an empty field. */
  readonly onUp?: () => void;
  readonly onFiles?: (files: readonly File[]) => void;
  readonly before?: ComponentChildren;
  readonly after?: ComponentChildren;
}

/** On a screen that is touched, Enter breaks the line: the button sends. */
const touched = (): boolean => matchMedia("(pointer: coarse)").matches;

/** The field one writes in: it grows with the text, Enter sends, Shift and Enter break the line. */
export function Writing({ label, initial, send, also, busy, onText, onSend, onEscape, onUp, onFiles, before, after }: Props): JSX.Element {
  const [text, setText] = useState(initial);
  const ref = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const field = ref.current;
    if (field === null) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  }, [text]);
  useLayoutEffect(() => {
    const field = ref.current;
    if (field === null || touched()) return;
    field.focus({ preventScroll: true });
    field.setSelectionRange(field.value.length, field.value.length);
  }, []);
  const length = text.length > NEARLY ? [...text].length : 0;
  const ready = (text.trim() !== "" || also === true) && length <= MOST && busy !== true;
  const put = (now: string): void => {
    setText(now);
    onText(now);
  };
  const submit = async (): Promise<void> => {
    if (ready && (await onSend(text))) put("");
    ref.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !touched()) {
      event.preventDefault();
      void submit();
    } else if (event.key === "Escape") onEscape?.();
    else if (event.key === "ArrowUp" && text === "" && onUp !== undefined) {
      event.preventDefault();
      onUp();
    }
  };
  return (
    <form
      class="writing"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {before}
      <div class="grow">
        <textarea
          ref={ref}
          rows={1}
          dir="auto"
          aria-label={label}
          placeholder={label}
          value={text}
          onInput={(event) => put(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          onPaste={(event) => {
            const files = [...(event.clipboardData?.files ?? [])];
            if (files.length === 0 || onFiles === undefined) return;
            event.preventDefault();
            onFiles(files);
          }}
        />
        {length > 0 && (
          <small class={length > MOST ? "too-long" : ""} role="status">
            {length > MOST ? `${length - MOST} letters too many` : `${MOST - length} letters left`}
          </small>
        )}
      </div>
      {after}
      <button class="primary icon" aria-label={send} disabled={!ready}>
        <Icon name={send === "Send" ? "send" : "check"} />
      </button>
    </form>
  );
}
