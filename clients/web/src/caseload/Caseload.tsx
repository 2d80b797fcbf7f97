import { useSignal } from "@preact/signals";
import type { Chat } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { Icon } from "../design/icons";
import { chats, live } from "../state/chats";
import { Ask } from "./Ask";
import type { Asking } from "./deeds";
import { FILTERS, shows, type FilterName } from "./filters";
import { Found } from "./Found";
import { NewChat } from "./NewChat";
import { Rows } from "./Rows";
import { steady, triaged, urgentSince } from "./triage";
import { known } from "./waiting";
import { fold } from "./words";

/** A pause in typing after which messages are searched too. */
const PAUSE_MS = 700;
const LEAST_LETTERS = 2;

/** The therapist's chats, who needs them first. `selected` is the open one's id. */
export function Caseload({ selected }: { selected: string | null }): JSX.Element {
  const [filter, setFilter] = useState<FilterName>("all");
  const [query, setQuery] = useState("");
  const [sought, setSought] = useState("");
  const [asking, setAsking] = useState<Asking | null>(null);
  const [adding, setAdding] = useState(false);
  const reading = useSignal(false);
  const order = useRef<readonly Chat[]>([]);
  const pause = useRef<ReturnType<typeof setTimeout>>(undefined);
  const list = useRef<HTMLUListElement>(null);

  order.current = reading.value && known.value ? steady(order.current, triaged.value) : triaged.value;
  const name = fold(query.trim());
  const shown = !known.value ? [] : order.current.filter(
    (chat) => (chat.id === selected || shows[filter](live(chat).detail.value)) && (name === "" || fold(live(chat).detail.value.other_participant.full_name).includes(name)),
  );
  const seek = (text: string): void => {
    clearTimeout(pause.current);
    setSought(text.trim().length >= LEAST_LETTERS ? text.trim() : "");
  };
  const onInput = (text: string): void => {
    setQuery(text);
    clearTimeout(pause.current);
    if (text.trim().length < LEAST_LETTERS) setSought("");
    else pause.current = setTimeout(() => seek(text), PAUSE_MS);
  };

  return (
    <div class="caseload">
      <header>
        <div class="spread">
          <h1>Patients</h1>
          <button type="button" class="small" onClick={() => setAdding(true)}>
            <Icon name="plus" size={16} /> New chat
          </button>
        </div>
        <Counts />
        <form
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            seek(query);
          }}
        >
          <Icon name="search" size={18} />
          <input
            type="search"
            aria-label="Search names and messages"
            placeholder="Search names and messages"
            autocomplete="off"
            value={query}
            onInput={(event) => onInput(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Escape") onInput("");
              else if (event.key === "ArrowDown") list.current?.querySelector<HTMLElement>("a")?.focus();
              else return;
              event.preventDefault();
            }}
          />
        </form>
        <fieldset class="segments">
          <legend class="sr-only">Show</legend>
          {FILTERS.map(({ name: value, label }) => (
            <label key={value}>
              <input type="radio" name="caseload-filter" value={value} checked={filter === value} onChange={() => setFilter(value)} />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
      </header>
      <div class="scroll">
        {shown.length > 0 && <Rows list={list} chats={shown} selected={selected} reading={reading} onAsk={setAsking} />}
        {shown.length === 0 && <p class="none">{noneOf(filter, query)}</p>}
        {sought !== "" && <Found key={sought} sought={sought} />}
      </div>
      {asking !== null && <Ask asking={asking} onClose={() => setAsking(null)} />}
      {adding && <NewChat onClose={() => setAdding(false)} />}
    </div>
  );
}

function Counts(): JSX.Element {
  const all = chats.value.length;
  const unread = chats.value.filter((chat) => shows.unread(live(chat).detail.value)).length;
  const urgent = urgentSince.value.size;
  return (
    <p class="counts">
      {all === 1 ? "1 chat" : `${all} chats`}
      {unread > 0 && `, ${unread} unread`}
      {urgent > 0 && <strong>, {urgent} urgent</strong>}
    </p>
  );
}

function noneOf(filter: FilterName, query: string): string {
  if (!known.value) return "Loading your patients…";
  if (query.trim() !== "") return `No patient here is called “${query.trim()}”.`;
  if (chats.value.length === 0) return "You have no chats yet. Begin one with “New chat”.";
  return FILTERS.find(({ name }) => name === filter)?.none ?? "";
}
