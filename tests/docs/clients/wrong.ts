// Each line marked `wrong` must not compile, and no other: else the generated types hold nothing.
import { list, send } from "./client";
import type {
  ChatSocketAsked,
  ChatSocketSaid,
  UserSocketAsked,
  UserSocketSaid,
} from "./generated/frames";

const chat_id = "CHAT_t_abc123_p_xyz789";

export const asked: (ChatSocketAsked | UserSocketAsked)[] = [
  { type: "ping" },
  { type: "chat_massage", text: "x" }, // wrong
  { type: "typing", is_typing: "yes" }, // wrong
  { type: "message_read", chat_id, up_to: 3 }, // wrong
  { type: "message_deleted", message: "MSG_t_abc123_p_xyz789_1" }, // wrong
];
export const onChatSocket: ChatSocketAsked = { type: "resume" }; // wrong
export const onUserSocket: UserSocketAsked = { type: "typing", is_typing: true }; // wrong
export const nowhere: UserSocketAsked = { type: "typing", is_typing: true, chat_id: null }; // wrong
export const unclosed: UserSocketAsked = { type: "resume", chats: { [chat_id]: "0" } }; // wrong
export const system: ChatSocketAsked = { type: "chat_message", text: "x", message_type: "system" }; // wrong

export function hear(said: UserSocketSaid, inChat: ChatSocketSaid): void {
  if (said.type === "new_message") said.message.txt; // wrong
  if (said.type === "new_message") said.message.text.length; // wrong
  if (said.type === "pong") said.seq; // wrong
  if (inChat.type === "new_message") return; // wrong
  if (said.type === "message_edited") said.new_text?.length;
}

await send("token", { chat_id, text: "x", emergency: true });
await send("token", { chat_id }); // wrong
await send("token", { chat_id, text: "x", sender: "t_abc123" }); // wrong
await list("token", { chat: chat_id }); // wrong
(await send("token", { chat_id, text: "x" })).read_state; // wrong
