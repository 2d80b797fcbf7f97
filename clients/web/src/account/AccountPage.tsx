import "./account.css";
import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { to } from "../router";
import { client, logOut, me } from "../state/client";
import { ConfirmHost } from "./confirm";
import { Notices } from "./Notices";
import { Password } from "./Password";
import { Preferences } from "./Preferences";
import { Sessions } from "./Sessions";
import { SignInWays } from "./SignInWays";
import { ThisBrowser } from "./ThisBrowser";

/** One's own account: who one is, wishes, this browser, sign-in, devices. */
export function AccountPage(): JSX.Element {
  return (
    <div class="page">
      <div class="inner stack">
        <a class="button-plain account-back" href={to.home}>
          <Icon name="back" size={18} /> Back
        </a>
        <header class="spread">
          <span>
            <h1>{me.value?.full_name ?? client.userId}</h1>
            <small>
              {me.value?.email} · <code>{client.userId}</code>
            </small>
          </span>
          <button type="button" onClick={() => void logOut()}>
            Log out
          </button>
        </header>
        <Notices />
        <Preferences />
        <ThisBrowser />
        <SignInWays />
        <Password />
        <Sessions />
        <ConfirmHost />
      </div>
    </div>
  );
}
