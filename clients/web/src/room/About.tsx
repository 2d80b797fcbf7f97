import type { Chat, Room } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useDeed } from "../design/deed";
import { Icon } from "../design/icons";
import { Problem } from "../design/Notice";

const TYPES: Readonly<Record<Room["room_type"], string>> = {
  therapy: "Therapy",
  consultation: "Consultation",
  emergency: "Emergency",
  general: "General",
};
const MOST_LETTERS = 2_000;
const MOST_TAG_LETTERS = 50;
const MOST_TAGS = 20;

/** What the room is for: its type, a description and tags, which both can read. */
export function About({ chat, room }: { chat: Chat; room: Room }): JSX.Element {
  return (
    <>
      <Type chat={chat} room={room} />
      <Description chat={chat} room={room} />
      <Tags chat={chat} room={room} />
    </>
  );
}

function Type({ chat, room }: { chat: Chat; room: Room }): JSX.Element {
  const { busy, problem, run } = useDeed();
  const id = useId();
  return (
    <div class="field">
      <label for={id}>Type</label>
      <select
        id={id}
        value={room.room_type}
        disabled={busy}
        onChange={(event) => {
          const select = event.currentTarget;
          const room_type = select.value as Room["room_type"];
          void run(() => chat.room.change({ room_type })).then((done) => {
            if (!done) select.value = room.room_type;
            select.focus();
          });
        }}
      >
        {Object.entries(TYPES).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
      <Problem text={problem} />
    </div>
  );
}

function Description({ chat, room }: { chat: Chat; room: Room }): JSX.Element {
  const [text, setText] = useState(room.description);
  const [saved, setSaved] = useState(false);
  const { busy, problem, run } = useDeed();
  const held = useRef(room.description);
  const id = useId();
  // Changed elsewhere: shown, unless something is being written here.
  useEffect(() => {
    if (text === held.current) setText(room.description);
    held.current = room.description;
  }, [room.description]);
  const dirty = text !== room.description;
  return (
    <form
      class="field"
      onSubmit={(event) => {
        event.preventDefault();
        void run(() => chat.room.change({ description: text })).then(setSaved);
      }}
    >
      <label for={id}>Description</label>
      <textarea
        id={id}
        rows={3}
        maxLength={MOST_LETTERS}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setSaved(false);
        }}
      />
      <div class="row">
        <button class="small" disabled={busy || !dirty}>
          Save description
        </button>
        <small role="status">{saved && !dirty && "Saved."}</small>
      </div>
      <Problem text={problem} />
    </form>
  );
}

function Tags({ chat, room }: { chat: Chat; room: Room }): JSX.Element {
  const [text, setText] = useState("");
  const { problem, run } = useDeed();
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  // One after the other: each begins with what the one before left.
  const turn = useRef<Promise<unknown>>(Promise.resolve());
  const put = (change: (tags: readonly string[]) => string[]): Promise<boolean> => {
    const asked = turn.current.then(() => run(() => chat.room.change({ tags: change(chat.room.state.tags) })));
    turn.current = asked;
    return asked;
  };
  const add = async (): Promise<void> => {
    const tag = text.trim();
    if (tag === "") return;
    setText("");
    const done = room.tags.includes(tag) || (await put((tags) => [...tags, tag]));
    if (!done) setText((begun) => begun || tag);
  };
  const full = room.tags.length >= MOST_TAGS;
  return (
    <form
      class="field"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <label for={id}>Tags</label>
      {room.tags.length > 0 && (
        <ul class="row tags" aria-label="Tags of this room">
          {room.tags.map((tag) => (
            <li key={tag} class="tag">
              <span>{tag}</span>
              <button
                type="button"
                class="plain"
                aria-label={`Remove tag ${tag}`}
                onClick={() => {
                  void put((tags) => tags.filter((one) => one !== tag));
                  field.current?.focus();
                }}
              >
                <Icon name="close" size={14} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="row">
        <input
          ref={field}
          id={id}
          class="grow"
          maxLength={MOST_TAG_LETTERS}
          disabled={full}
          placeholder={full ? "No more than 20 tags" : "A word or two"}
          autocomplete="off"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button class="small" disabled={full}>
          Add tag
        </button>
      </div>
      <Problem text={problem} />
    </form>
  );
}
