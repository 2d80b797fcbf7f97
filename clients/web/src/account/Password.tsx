import type { JSX } from "preact";
import { Problem } from "../design/Notice";
import { client, me } from "../state/client";
import { toast } from "../state/toasts";
import { useDeed } from "./useDeed";

/** Another password; all other sessions end with it. */
export function Password(): JSX.Element {
  const { busy, problem, attempt } = useDeed();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    if (!(await attempt(() => client.account.changePassword(String(given.get("old")), String(given.get("new")))))) return;
    form.reset();
    toast("Your password is changed. All other devices are signed out.");
  };
  return (
    <details class="card">
      <summary>Change your password</summary>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <Problem text={problem} />
        <input class="sr-only" type="text" name="username" autocomplete="username" value={me.value?.email ?? ""} readOnly tabIndex={-1} aria-hidden="true" />
        <div class="field">
          <label for="old-password">Password now</label>
          <input id="old-password" name="old" type="password" autocomplete="current-password" required />
        </div>
        <div class="field">
          <label for="new-password">New password</label>
          <input id="new-password" name="new" type="password" autocomplete="new-password" minLength={12} required aria-describedby="new-hint" />
          <small id="new-hint">At least 12 characters. Every other device is signed out.</small>
        </div>
        <footer>
          <button class="primary" disabled={busy} aria-busy={busy}>
            Change password
          </button>
        </footer>
      </form>
    </details>
  );
}
