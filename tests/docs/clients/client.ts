// What an integrator would write: log in, send, list, resume, and hear, on types made from the
// documents alone. The tests compile it strictly, and run it against a server.
import type { paths as Api } from "./generated/api";
import type { paths as Auth } from "./generated/auth";
import type {
  ChatSocketAsked,
  ChatSocketSaid,
  UserSocketAsked,
  UserSocketSaid,
} from "./generated/frames";

type Json<Body> = { content: { "application/json": Body } };
type BodyOf<Operation> = Operation extends { requestBody: Json<infer Body> } ? Body : never;
type AnswerOf<Operation, Status extends number> = Operation extends {
  responses: { [S in Status]: Json<infer Body> };
}
  ? Body
  : never;

type LogIn = Auth["/_allauth/{client}/v1/auth/login"]["post"];
type Send = Api["/api/messages/send_message/"]["post"];
type Sent = AnswerOf<Send, 201>;
type Listed = AnswerOf<Api["/api/messages/"]["get"], 200>;
type Query = NonNullable<Api["/api/messages/"]["get"]["parameters"]["query"]>;
type Missed = AnswerOf<Api["/api/chats/{id}/events/"]["get"], 200>;
type Refused = AnswerOf<Send, 400>;

declare const process: { env: Record<string, string | undefined> };
const BASE = process.env["BASE"] ?? "http://localhost:8000";

async function ask<Answer>(path: string, init: RequestInit): Promise<Answer> {
  const answer = await fetch(BASE + path, init);
  if (!answer.ok) {
    const refused = (await answer.json()) as Refused;
    throw new Error(`${answer.status} ${refused.errors[0]?.code} ${refused.request_id}`);
  }
  return (await answer.json()) as Answer;
}

const withBody = (token: string | undefined, body: unknown): RequestInit => ({
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  },
  body: JSON.stringify(body),
});
const withToken = (token: string): RequestInit => ({ headers: { Authorization: `Bearer ${token}` } });

export async function logIn(email: string, password: string): Promise<string> {
  const body: BodyOf<LogIn> = { email, password };
  const answer = await ask<AnswerOf<LogIn, 200>>(
    "/_allauth/app/v1/auth/login",
    withBody(undefined, body),
  );
  const token: string | undefined = answer.meta.access_token;
  if (token === undefined) throw new Error("no token");
  return token;
}

export function send(token: string, body: BodyOf<Send>): Promise<Sent> {
  return ask<Sent>("/api/messages/send_message/", withBody(token, body));
}

export function list(token: string, query: Query): Promise<Listed> {
  const given = Object.entries(query).map(([name, value]) => [name, String(value)]);
  return ask<Listed>(`/api/messages/?${new URLSearchParams(given)}`, withToken(token));
}

export function missed(token: string, chatId: string, afterSeq: number): Promise<Missed> {
  return ask<Missed>(`/api/chats/${chatId}/events/?after_seq=${afterSeq}`, withToken(token));
}

// What a frame means for a screen; what a later server adds is left alone.
export function lineOf(said: UserSocketSaid | ChatSocketSaid): string | undefined {
  switch (said.type) {
    case "connection_established":
      return `beat every ${said.heartbeat_seconds} s`;
    case "chat_message":
      return `${said.message.seq}: ${said.message.text ?? "(deleted)"} ${said.ref ?? ""}`;
    case "new_message":
      return `${said.sender_name}: ${said.message.text} (${said.notify ? "ring" : "muted"})`;
    case "emergency_message":
      return `URGENT ${said.chat_id.length > 0 ? said.message.id : ""}`;
    case "emergency_updated":
      return said.emergency_alert.state satisfies "raised" | "delivered" | "acknowledged" | "resolved" | "exhausted";
    case "message_edited":
      return `${said.message_id} now says ${said.new_text ?? "something later"}`;
    case "message_read_receipt":
      return `${said.user_id} read up to ${said.seq} at ${said.read_at}`;
    case "message_delivered_receipt":
      return `${said.user_id} has ${said.seq} since ${said.delivered_at}`;
    case "chat_updated":
      return said.chat.room.is_active ? said.chat.status : "closed";
    case "resumed":
      return said.gap ? "fetch afresh" : `up to ${said.last_seq}, ${said.receipts.patient.read_seq} read`;
    case "notification":
      return `${said.notification.level}: ${said.notification.title}`;
    case "error":
      return `${said.code}${said.retry_after === undefined ? "" : ` in ${said.retry_after} s`}`;
    default:
      return undefined;
  }
}

export const onChatSocket: ChatSocketAsked[] = [
  { type: "chat_message", text: "Hello", client_message_id: "mine-1", ref: 1 },
  { type: "chat_message", text: "At nine?", message_type: "appointment", payload: { start: "…" } },
  { type: "typing", is_typing: true },
  { type: "resume", after_seq: 0 },
  { type: "ping" },
];

async function hear(token: string, userId: string, chatId: string): Promise<UserSocketSaid["type"][]> {
  const socket = new WebSocket(`${BASE.replace("http", "ws")}/ws/notifications/${userId}/`, [
    "therapyconnect.v1",
    `bearer.${token}`,
  ]);
  const say = (asked: UserSocketAsked): void => socket.send(JSON.stringify(asked));
  const heard: UserSocketSaid["type"][] = [];
  await new Promise<void>((done, fail) => {
    socket.onerror = () => fail(new Error("the socket broke"));
    socket.onmessage = ({ data }) => {
      const said = JSON.parse(String(data)) as UserSocketSaid;
      if (said.type === "presence") return;
      heard.push(said.type);
      lineOf(said);
      if (said.type === "connection_established") say({ type: "resume", chats: { [chatId]: 0 } });
      if (said.type === "resumed") {
        say({ type: "message_read", chat_id: chatId, seq: said.last_seq, ref: "r1" });
      }
      if ("ref" in said && said.ref === "r1") done();
    };
  });
  socket.close();
  return heard;
}

const { EMAIL, PASSWORD, CHAT, OTHER_EMAIL, OTHER_ID } = process.env;
if (EMAIL && PASSWORD && CHAT && OTHER_EMAIL && OTHER_ID) {
  const token = await logIn(EMAIL, PASSWORD);
  const sent = await send(token, { chat_id: CHAT, text: "Hello", client_message_id: "mine-1" });
  const page = await list(token, { chat_id: CHAT, limit: 10 });
  const events = await missed(token, CHAT, 0);
  const heard = await hear(await logIn(OTHER_EMAIL, PASSWORD), OTHER_ID, CHAT);
  console.log(
    JSON.stringify({
      sent: sent.text,
      listed: page.results.map((message) => message.seq),
      events: events.events.map((event) => event.type),
      heard,
    }),
  );
}
