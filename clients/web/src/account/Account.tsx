import { later } from "../design/later";
import { logOut } from "../state/client";

/** The account page, and the way out of it that is always there. */
export const { Screen: Account, fetch: fetchAccount } = later(
  async () => (await import("./AccountPage")).AccountPage,
  "Account",
  () => (
    <button type="button" onClick={() => void logOut()}>
      Log out
    </button>
  ),
);
