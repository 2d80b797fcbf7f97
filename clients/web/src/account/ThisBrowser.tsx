import type { JSX } from "preact";
import { desktop, disableDesktop, enableDesktop } from "../state/desktop";
import { chooseLock, LOCK_CHOICES, lock, lockMinutes } from "../state/lock";
import { theme, type Theme } from "../state/theme";

const THEMES: readonly (readonly [Theme, string])[] = [["auto", "As the system"], ["light", "Light"], ["dark", "Dark"]];

const NOTIFICATIONS = {
  unsupported: "This browser shows none.",
  denied: "This browser was told never to show them. Its settings for this page can change that.",
  off: "They say that a message waits, never what it says or of whom.",
  on: "They are on. They say that a message waits, never what it says or of whom.",
} as const;

/** What is kept in this browser alone. */
export function ThisBrowser(): JSX.Element {
  const { value: how } = desktop;
  return (
    <section class="card stack" aria-labelledby="this-browser">
      <h2 id="this-browser">This browser</h2>
      <div class="field">
        <label for="theme">Appearance</label>
        <select id="theme" value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
          {THEMES.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </div>
      <div class="spread">
        <span>
          <strong>Notifications</strong>
          <small>{NOTIFICATIONS[how]}</small>
        </span>
        {(how === "on" || how === "off") && (
          <button type="button" onClick={() => (how === "on" ? disableDesktop() : void enableDesktop())}>
            {how === "on" ? "Turn them off" : "Turn them on"}
          </button>
        )}
      </div>
      <div class="field">
        <label for="lock-minutes">Lock when nobody is here for</label>
        <select id="lock-minutes" value={lockMinutes.value} onChange={(event) => chooseLock(Number(event.currentTarget.value))}>
          {LOCK_CHOICES.map((minutes) => (
            <option key={minutes} value={minutes}>
              {minutes === 0 ? "Never lock" : `${minutes} minutes`}
            </option>
          ))}
        </select>
        <small>Everything is covered until your password is said again.</small>
      </div>
      <button type="button" class="start" onClick={lock}>
        Lock now
      </button>
    </section>
  );
}
