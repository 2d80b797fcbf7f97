import type { JSX } from "preact";
import { notifications, readNotification } from "../state/notifications";
import { toast } from "../state/toasts";
import { plain } from "../words/errors";
import { fullTimeOf } from "../words/times";

/** What the clinic has to say, the newest first. */
export function Notices(): JSX.Element | null {
  if (notifications.value.length === 0) return null;
  return (
    <section class="card stack" aria-labelledby="notices">
      <h2 id="notices">Notices of your clinic</h2>
      <ul class="rows">
        {notifications.value.map(({ id, title, body, created_at, read_at }) => (
          <li key={id}>
            <span class="grow">
              <strong>{title}</strong> {read_at === null && <span class="tag">New</span>}
              <p>{body}</p>
              <small>{fullTimeOf(created_at)}</small>
            </span>
            {read_at === null && (
              <button type="button" class="small" aria-label={`Mark as read: ${title}`} onClick={() => readNotification(id).catch((error: unknown) => toast(plain(error)))}>
                Mark as read
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
