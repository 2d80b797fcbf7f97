import { effect } from "@preact/signals";
import type { Chat, Room } from "@therapyconnect/client";
import { Component, createRef, type JSX } from "preact";
import { Icon } from "../design/icons";
import { announce } from "../state/announcer";
import { live } from "../state/chats";
import { client } from "../state/client";
import { now } from "../state/clock";
import { jump, type Jump } from "../state/jump";
import { mySide } from "../state/role";
import { dayName } from "../words/times";
import { MessageBlock } from "./Block";
import type { Asked } from "./deeds";
import { layouter } from "./layout";
import { OutgoingItem } from "./OutgoingItem";
import { Reading } from "./reading";
import { focusItem, keepTabStop, rove } from "./roving";
import { atEnd, keepPlace, placeOf, toEnd, type Place } from "./scroll";

interface Props {
  readonly chat: Chat;
  readonly open: boolean;
  readonly asked: Asked;
  /** Escape leads back to where one writes. */
  readonly onLeave: () => void;
}

interface State {
  readonly ready: boolean;
  readonly loading: boolean;
  readonly more: boolean;
  readonly failed: boolean;
  /** Not at the end: there is a way down. */
  readonly away: boolean;
  /** "New messages" stands after this number. */
  readonly line: number | null;
  /** Blocks too far away to be drawn, by their height. */
  readonly far: ReadonlyMap<string, number>;
}

/** So near to the top, in pixels, older messages are fetched; so near to what is seen, blocks are drawn. */
const FETCH_PX = 1_500;
const DRAW_PX = 800;
const JUMP_PAGES = 40;

/** What was said: kept in its place while it grows, read only where it is seen. */
export class Log extends Component<Props, State> {
  override state: State = { ready: false, loading: true, more: true, failed: false, away: false, line: null, far: new Map() };
  readonly #list = createRef<HTMLDivElement>();
  readonly #keys = new Map<Element, string>();
  readonly #elements = new Map<string, Element>();
  readonly #offs: (() => void)[] = [];
  readonly #reading = new Reading(this.props.chat);
  readonly #laidOut = layouter();
  #near: IntersectionObserver | null = null;
  #end = true;
  #top = 0;
  #placed = false;
  #busy = false;
  #gone = false;

  override componentDidMount(): void {
    const { chat } = this.props;
    const list = this.#list.current;
    if (list === null) return;
    this.#near = new IntersectionObserver((seen) => this.#moved(seen), { root: list, rootMargin: `${DRAW_PX}px 0px` });
    for (const element of this.#keys.keys()) this.#near.observe(element);
    const size = new ResizeObserver(() => this.#resized());
    size.observe(list);
    if (list.firstElementChild !== null) size.observe(list.firstElementChild);
    const visible = (): void => this.#read();
    document.addEventListener("visibilitychange", visible);
    this.#offs.push(
      () => this.#near?.disconnect(),
      () => size.disconnect(),
      () => document.removeEventListener("visibilitychange", visible),
      chat.on("message", ({ message, mine }) => {
        if (mine) return;
        if (!(this.#end && this.#reading.visible)) this.setState({ line: this.#reading.lineFor(this.state.line) });
        if (message.sender_id !== null) announce(`${message.sender_name}: ${message.text ?? ""}`);
      }),
      client.on("outgoing", (outgoing) => {
        if (outgoing.body.chat_id === chat.id && outgoing.state === "queued" && outgoing.error === null) this.#sent();
      }),
      client.on("synced", () => {
        if (this.state.failed) void this.#begin();
        this.#read();
      }),
      chat.on("reset", () => {
        this.setState({ more: true, far: new Map() });
      }),
    );
    void this.#begin();
  }

  override componentWillUnmount(): void {
    this.#gone = true;
    for (const off of this.#offs) off();
  }

  override getSnapshotBeforeUpdate(): Place | null {
    const list = this.#list.current;
    return list === null ? null : placeOf(list, this.#end);
  }

  override componentDidUpdate(_: Props, __: State, place: Place | null): void {
    const list = this.#list.current;
    if (list === null || place === null) return;
    if (!this.#placed && this.state.ready) this.#place(list);
    else if (this.#placed) keepPlace(list, place);
    keepTabStop(list);
    this.#scrolled();
  }

  // --- what is held -----------------------------------------------------------------------------

  async #begin(): Promise<void> {
    const { chat } = this.props;
    this.setState({ loading: true, failed: false });
    try {
      if (chat.messages.length === 0) await chat.load();
      if (this.#gone) return;
      const readTo = this.#reading.begin();
      if (readTo !== null) {
        for (let page = 0; page < 4 && (chat.messages[0]?.seq ?? 0) > readTo + 1; page += 1) {
          if (!(await chat.loadOlder())) break;
        }
      }
      this.setState({ ready: true, loading: false, line: readTo, more: chat.messages.length > 0 }, () => {
        if (!this.#gone) this.#offs.push(effect(() => this.#wanted(jump.value)));
      });
    } catch {
      this.setState({ loading: false, failed: true });
    }
  }

  async #older(): Promise<boolean> {
    if (this.#busy || !this.state.more || !this.state.ready) return false;
    this.#busy = true;
    this.setState({ loading: true, failed: false });
    try {
      const more = await this.props.chat.loadOlder();
      this.#busy = false;
      this.setState({ more, loading: false });
      return more;
    } catch {
      this.#busy = false;
      this.setState({ loading: false, failed: true });
      return false;
    }
  }

  // --- where it stands --------------------------------------------------------------------------

  /** The first look: at the first new message, else at the end. */
  #place(list: HTMLElement): void {
    this.#placed = true;
    const line = list.querySelector<HTMLElement>("[data-newline]");
    if (line === null) toEnd(list);
    else list.scrollTop += line.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 4;
    this.#end = atEnd(list);
  }

  readonly #scrolled = (): void => {
    const list = this.#list.current;
    if (list === null || !this.#placed) return;
    // Who was at the end leaves it by going up alone: a message that grows moves nobody away from it.
    if (atEnd(list)) this.#end = true;
    else if (list.scrollTop < this.#top) this.#end = false;
    this.#top = list.scrollTop;
    if (this.state.away === this.#end) this.setState({ away: !this.#end });
    if (this.#end) this.#read();
    if (list.scrollTop < FETCH_PX && !this.state.failed) void this.#older();
  };

  #resized(): void {
    const list = this.#list.current;
    if (list !== null && this.#placed && this.#end) toEnd(list);
  }

  #read(): void {
    if (this.#placed && this.#end) this.#reading.read();
  }

  /** One's own message: one wants to see it. */
  #sent(): void {
    this.#end = true;
    this.setState({ line: null });
  }

  readonly #down = (): void => {
    const list = this.#list.current;
    if (list === null) return;
    toEnd(list);
    this.#scrolled();
  };

  /** A message that is asked for from elsewhere. */
  #wanted(asked: Jump | null): void {
    if (asked?.chatId !== this.props.chat.id) return;
    jump.value = null;
    void this.#jump(asked.messageId);
  }

  readonly #jump = async (messageId: string): Promise<void> => {
    const { chat } = this.props;
    for (let page = 0; page < JUMP_PAGES; page += 1) {
      if (chat.messages.some(({ id }) => id === messageId)) break;
      if (!(await this.#older())) break;
    }
    this.setState({ far: new Map() }, () => {
      const list = this.#list.current;
      const item = list?.querySelector<HTMLElement>(`li[data-id="${CSS.escape(messageId)}"]`);
      if (!list || !item) return announce("That message is not there any more.");
      this.#end = false;
      focusItem(list, item);
      item.scrollIntoView({ block: "center" });
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
      item.animate([{ background: "var(--accent-soft)" }, { background: "transparent" }], { duration: 1_600, easing: "ease-in" });
    });
  };

  // --- what is drawn ----------------------------------------------------------------------------

  readonly #watch = (element: HTMLElement | null, key: string): void => {
    const held = this.#elements.get(key);
    if (held === element) return;
    if (held !== undefined) {
      this.#near?.unobserve(held);
      this.#keys.delete(held);
      this.#elements.delete(key);
    }
    if (element === null) return;
    this.#keys.set(element, key);
    this.#elements.set(key, element);
    this.#near?.observe(element);
  };

  #moved(seen: readonly IntersectionObserverEntry[]): void {
    const far = new Map(this.state.far);
    for (const { target, isIntersecting, boundingClientRect } of seen) {
      const key = this.#keys.get(target);
      if (key === undefined) continue;
      if (isIntersecting) far.delete(key);
      else if (!far.has(key) && boundingClientRect.height > 0 && !target.contains(document.activeElement)) {
        far.set(key, boundingClientRect.height);
      }
    }
    if (far.size !== this.state.far.size || [...far.keys()].some((key) => !this.state.far.has(key))) this.setState({ far });
  }

  override render({ chat, open, asked }: Props, { ready, loading, more, failed, away, line, far }: State): JSX.Element {
    const parts = live(chat);
    const { other_participant: other, unread_count, room } = parts.detail.value;
    const days = this.#laidOut({
      messages: parts.messages.value,
      outgoing: parts.outgoing.value,
      me: client.userId ?? "",
      readTo: line,
      now: now.value,
    });
    return (
      <div class="log-frame">
        <div
          ref={this.#list}
          class={`log${ready ? "" : " unready"}`}
          role="log"
          aria-live="off"
          aria-label={`Messages with ${other.full_name}`}
          aria-busy={loading}
          onScroll={this.#scrolled}
          onKeyDown={(event) => {
            const list = event.currentTarget;
            if (event.key === "Escape") this.props.onLeave();
            else if (rove(list, event)) event.preventDefault();
          }}
        >
          <div>
            <div class="log-top">
              {loading && <p class="quiet">Loading…</p>}
              {failed && (
                <p class="quiet">
                  It could not be loaded.{" "}
                  <button type="button" class="link" onClick={() => void (ready ? this.#older() : this.#begin())}>
                    Try again
                  </button>
                </p>
              )}
              {ready && !more && !loading && <p class="quiet">{seesAll(room) ? "This is where the chat begins." : "What was said before is hidden from you."}</p>}
            </div>
            {days.map((day) => (
              <section key={day.key}>
                <h2 class="day">
                  <time dateTime={day.at.slice(0, 10)}>{dayName(day.at, now.value)}</time>
                </h2>
                {day.blocks.map((block) => (
                  <MessageBlock key={block.key} chat={chat} block={block} height={far.get(block.key)} open={open} asked={asked} onJump={this.#onJump} watch={this.#watch} />
                ))}
                {day.outgoing.length > 0 && (
                  <ol>
                    {day.outgoing.map((outgoing) => (
                      <OutgoingItem key={outgoing.id} outgoing={outgoing} />
                    ))}
                  </ol>
                )}
              </section>
            ))}
          </div>
        </div>
        {away && (
          <button type="button" class="pill" onClick={this.#down}>
            {unread_count > 0 ? `${unread_count} new` : "Latest"} <Icon name="down" size={16} />
          </button>
        )}
      </div>
    );
  }

  readonly #onJump = (messageId: string): void => void this.#jump(messageId);
}

function seesAll(room: Room): boolean {
  return mySide() === "therapist" ? room.therapist_can_see_history : room.patient_can_see_history;
}
