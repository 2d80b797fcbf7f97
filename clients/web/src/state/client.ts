// The one client of this page, and who is signed in at it.
import { signal } from "@preact/signals";
import { roleOf, TherapyConnect, WebQueueStore, WebTokenStore, type ConnectionState, type Me } from "@therapyconnect/client";
import { forgetDrafts } from "./drafts";

export const queue = new WebQueueStore();
export const client = new TherapyConnect({
  url: location.origin,
  tokens: new WebTokenStore(),
  queue,
});

/** `starting` until it is known; then nobody, or somebody whose chats are here or on their way. */
export type Standing = "starting" | "signed-out" | "signed-in";

export const standing = signal<Standing>("starting");
/** Who is signed in, in full; null until the server said so. */
export const me = signal<Me | null>(null);
/** Whether the chats are here: before that nothing can be said of them. */
export const synced = signal(false);
export const connection = signal<ConnectionState>(client.connection.state);

const forgetting: (() => void)[] = [];

/** Have a part of the state forget its user, once there is none. */
export function onForget(forget: () => void): void {
  forgetting.push(forget);
}

/** The clinic asks this account for a second factor before anything else: nothing opens until then. */
export const mustEnrol = signal(false);

let turn = 0;

/** Take up the session that the store holds, if there is one. */
export async function begin(): Promise<void> {
  const userId = await client.session.restore();
  if (userId === null) return forget();
  turn += 1;
  const mine = turn;
  standing.value = "signed-in";
  // Who runs the clinic has no chats, and is refused them. Signed out meanwhile: `user` says so.
  if (roleOf(userId) !== "admin") void client.start().catch(() => undefined);
  try {
    const found = await client.me();
    if (mine === turn) me.value = found;
  } catch {
    // Asked again when the connection is there.
  }
}

/** End the session; nothing of it stays in this browser. */
export async function logOut(): Promise<void> {
  await client.logOut();
  forget();
}

function forget(): void {
  turn += 1;
  standing.value = "signed-out";
  me.value = null;
  synced.value = false;
  mustEnrol.value = false;
  forgetDrafts();
  void client.outbox.clear();
  for (const each of forgetting) each();
}

client.on("user", (userId) => {
  if (userId === null) forget();
  // Signed in at another tab, whose tokens this one shares.
  else if (standing.value === "signed-out") void begin();
});
client.on("connection", (state) => {
  connection.value = state;
  if (state.status === "online") mustEnrol.value = false;
  if (state.status === "waiting" && state.error?.code === "mfa_required") mustEnrol.value = true;
});
client.on("synced", () => {
  synced.value = true;
  if (me.value === null) {
    client.me().then((found) => (me.value = found), () => undefined);
  }
});
