import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { untaken } from "../alerts/words";
import { useDeed } from "../design/deed";
import { Icon, Mark } from "../design/icons";
import { Problem } from "../design/Notice";
import { SafetyLine } from "../patient/SafetyLine";
import { alerts } from "../state/alerts";
import { logOut, me } from "../state/client";
import { unlock } from "../state/lock";
import { roleIn } from "../state/role";

/** In place of everything, while nobody was there: the password opens it where it was left. */
export function LockScreen(): JSX.Element {
  const { busy, problem, run } = useDeed();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    void run(() => unlock(String(given.get("password"))));
  };
  return (
    <div class="locked">
      {roleIn.value === "patient" ? <SafetyLine /> : <span />}
      <main class="signin">
        <span class="wordmark">
          <Mark size={30} /> TherapyConnect
        </span>
        <div class="sheet">
          <form onSubmit={submit}>
            <h1>Locked</h1>
            <p class="quiet">Nobody was here for a while. A message that you had begun is kept, and what waits to be sent; to log out throws both away.</p>
            {roleIn.value === "therapist" && <Problem text={alerts.value.some(untaken) ? "An urgent message is waiting. Unlock to see it." : null} />}
            <Problem text={problem} />
            {me.value !== null && <input class="sr-only" type="text" name="username" autocomplete="username" value={me.value.email} readOnly tabIndex={-1} aria-hidden="true" />}
            <div class="field">
              <label for="unlock">Password</label>
              <input id="unlock" name="password" type="password" autocomplete="current-password" required ref={field} />
            </div>
            <button class="primary" disabled={busy} aria-busy={busy}>
              <Icon name="lock" size={18} /> {busy ? "Checking…" : "Unlock"}
            </button>
            <button type="button" class="link" onClick={() => void logOut()}>
              Log out, and sign in again
            </button>
          </form>
        </div>
      </main>
    </div>
  );
}
