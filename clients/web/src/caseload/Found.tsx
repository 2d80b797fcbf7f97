import type { Message, Page } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "../design/Notice";
import { chatOf } from "../state/chats";
import { client } from "../state/client";
import { now } from "../state/clock";
import { openAt } from "../state/jump";
import { plain } from "../words/errors";
import { briefly, fullTimeOf } from "../words/times";

const BEFORE = 30;
const AROUND = 120;

/** Messages that hold these letters, by chat; one of them leads to its place. */
export function Found({ sought }: { sought: string }): JSX.Element {
  const [messages, setMessages] = useState<readonly Message[]>([]);
  const [page, setPage] = useState<Page<Message> | null>(null);
  const [busy, setBusy] = useState(true);
  const [problem, setProblem] = useState<string | null>(null);

  const take = (found: Page<Message> | null): void => {
    setPage(found);
    setMessages((held) => [...held, ...(found?.results ?? [])]);
    setBusy(false);
  };
  const fail = (error: unknown): void => {
    setProblem(plain(error));
    setBusy(false);
  };
  useEffect(() => {
    const giveUp = new AbortController();
    const alive = <Value,>(then: (value: Value) => void) => (value: Value): void => {
      if (!giveUp.signal.aborted) then(value);
    };
    client.api.post("/api/messages/search/", { body: { q: sought }, signal: giveUp.signal }).then(alive(take), alive(fail));
    return () => giveUp.abort();
  }, []);
  const further = (): void => {
    if (page === null) return;
    setBusy(true);
    setProblem(null);
    client.api.again<Message>(page, { q: sought }).then(take, fail);
  };

  const groups = new Map<string, Message[]>();
  for (const message of messages) groups.set(message.chat_id, [...(groups.get(message.chat_id) ?? []), message]);
  const more = page !== null && page.next !== null;
  return (
    <section class="found" aria-label="Messages found">
      <h2>In messages</h2>
      <p role="status" class="quiet">
        {busy ? "Searching…" : `${messages.length === 0 ? "Nothing" : messages.length} found${more ? " so far" : ""}.`}
      </p>
      <Problem text={problem} />
      {[...groups].map(([chatId, found]) => (
        <section key={chatId}>
          <h3>{chatOf(chatId)?.detail.other_participant.full_name ?? "A chat"}</h3>
          <ul>
            {found.map((message) => (
              <li key={message.id}>
                <button type="button" onClick={() => openAt(chatId, message.id)}>
                  <span class="spread">
                    <b class="clip">{message.sender_id === client.userId ? "You" : message.sender_name}</b>
                    <time dateTime={message.timestamp} title={fullTimeOf(message.timestamp)}>
                      {briefly(message.timestamp, now.value)}
                    </time>
                  </span>
                  <Snippet text={message.text ?? ""} sought={sought} />
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
      {more && !busy && (
        <button type="button" class="small" onClick={further}>
          Look further back
        </button>
      )}
    </section>
  );
}

/** The words around what was sought. Where it was found without its accents, the beginning. */
function Snippet({ text, sought }: { text: string; sought: string }): JSX.Element {
  const at = text.toLowerCase().indexOf(sought.toLowerCase());
  if (at < 0) return <span class="snippet">{text.slice(0, AROUND)}</span>;
  const from = Math.max(0, at - BEFORE);
  const end = at + sought.length;
  return (
    <span class="snippet">
      {from > 0 && "…"}
      {text.slice(from, at)}
      <mark>{text.slice(at, end)}</mark>
      {text.slice(end, end + AROUND)}
    </span>
  );
}
