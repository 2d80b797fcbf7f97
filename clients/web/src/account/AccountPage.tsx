import type { JSX } from "preact";
import { logOut, me } from "../state/client";
import { theme, type Theme } from "../state/theme";

const THEMES: readonly (readonly [Theme, string])[] = [["auto", "As the system"], ["light", "Light"], ["dark", "Dark"]];

/** One's own account: settings, sign-in, devices. */
export function AccountPage(): JSX.Element {
  return (
    <div class="page">
      <div class="inner stack">
        <h1>{me.value?.full_name}</h1>
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
        <button type="button" onClick={() => void logOut()}>
          Log out
        </button>
      </div>
    </div>
  );
}
