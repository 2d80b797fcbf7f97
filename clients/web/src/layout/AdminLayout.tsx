import type { JSX } from "preact";
import { Mark } from "../design/icons";
import { logOut, me } from "../state/client";

/** Who runs the clinic reads no chat: this page says where their work is done. */
export function AdminLayout(): JSX.Element {
  return (
    <main class="signin">
      <span class="wordmark">
        <Mark size={30} /> TherapyConnect
      </span>
      <div class="sheet stack">
        <h1>{me.value?.full_name ?? "Administration"}</h1>
        <p>
          You run this installation, so no chat is shown to you here. Accounts are made with <code>manage.py createuser</code>; what your
          log-in can do is in the <a href="/api/docs/">API documents</a>.
        </p>
        <button type="button" onClick={() => void logOut()}>
          Log out
        </button>
      </div>
    </main>
  );
}
