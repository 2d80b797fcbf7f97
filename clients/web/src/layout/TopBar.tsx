import type { ComponentChildren, JSX } from "preact";
import { Icon, Mark } from "../design/icons";
import { to } from "../router";
import { client, me } from "../state/client";
import { unreadNotifications } from "../state/notifications";

/** The product's name, what a layout puts beside it, and the way to one's own account. */
export function TopBar({ children }: { children?: ComponentChildren }): JSX.Element {
  const news = unreadNotifications.value.length;
  return (
    <header class="topbar">
      <a class="wordmark" href={to.home}>
        <Mark /> TherapyConnect
      </a>
      <span class="grow" />
      {children}
      <a class="button-plain" href={to.account}>
        <Icon name="person" />
        <span class="sr-only">Account</span>
        <span class="wide-only">{me.value?.full_name ?? client.userId}</span>
        {news > 0 && (
          <span class="badge">
            {news} <span class="sr-only">new notices</span>
          </span>
        )}
      </a>
    </header>
  );
}
