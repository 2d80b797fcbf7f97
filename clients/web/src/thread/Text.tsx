import type { JSX } from "preact";

const LINK = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]'])/;

/** A text as it was written; web addresses can be followed, and learn nothing of where they were. */
export function Text({ text }: { text: string }): JSX.Element {
  const parts = text.split(LINK);
  return (
    <p class="text" dir="auto">
      {parts.map((part, index) =>
        index % 2 === 0 ? (
          part
        ) : (
          <a key={index} href={part} target="_blank" rel="noopener noreferrer nofollow">
            {part}
          </a>
        ),
      )}
    </p>
  );
}
