import type { Alert, Chat, Outgoing } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon, type IconName } from "../design/icons";
import { alertsByMessage } from "../state/alerts";
import { live } from "../state/chats";
import { client } from "../state/client";
import { timeOf } from "../words/times";
import { plain } from "../words/errors";

interface Props {
  readonly chat: Chat;
  /** On its way, or sent; null for one that was flagged or is from before. */
  readonly outgoing: Outgoing | null;
  readonly messageId: string | null;
  readonly alert: Alert | null;
}

/** What has truly happened to an urgent message, and nothing more; said aloud as it changes. */
export function Progress({ chat, outgoing, messageId, alert }: Props): JSX.Element {
  const [, turn] = useState(0);
  useEffect(() => client.on("outgoing", (one) => one === outgoing && turn((count) => count + 1)), [outgoing]);
  // A second call belongs to the alert that already waits: another message's.
  const known = alert ?? outgoing?.alert ?? null;
  const now = alertsByMessage.value.get(known?.message_id ?? messageId ?? "") ?? known;
  const who = live(chat).detail.value.other_participant.full_name;
  const [kind, icon, words] = said(outgoing, now, who);
  return (
    <div class={`notice ${kind} progress`}>
      <Icon name={icon} />
      <div class="grow">
        <p role="status">{words}</p>
        {outgoing?.state === "failed" && (
          <button type="button" class="small danger" onClick={() => outgoing.retry()}>
            Try again
          </button>
        )}
      </div>
    </div>
  );
}

function said(outgoing: Outgoing | null, alert: Alert | null, who: string): ["calm" | "warn" | "danger", IconName, string] {
  if (outgoing !== null && outgoing.state !== "sent") {
    if (outgoing.state === "failed") return ["danger", "alert", `It was not sent. ${plain(outgoing.error)} Please call.`];
    if (outgoing.error !== null) return ["danger", "alert", "It is not sent yet: there is no connection. It goes out by itself when you are back. Please call."];
    return ["calm", "clock", "Sending…"];
  }
  if (alert === null) return ["warn", "clock", "Sent. No alert was raised with it."];
  const at = (time: string | null): string => (time === null ? "" : ` at ${timeOf(time)}`);
  switch (alert.state) {
    case "raised":
      return ["warn", "clock", `Sent${at(alert.raised_at)}. ${who} is being alerted; no device of theirs has confirmed it yet.`];
    case "delivered":
      return ["warn", "check", `It reached a device of ${who}${at(alert.delivered_at)}. Nobody has taken it yet.`];
    case "acknowledged":
      return ["calm", "check", `${who} has seen it and taken it on${at(alert.acknowledged_at)}.`];
    case "exhausted":
      return ["danger", "alert", "Nobody could be reached. Please call one of these now."];
    case "resolved":
      return ["calm", "check", `${who} has closed it${at(alert.resolved_at)}.`];
  }
}
