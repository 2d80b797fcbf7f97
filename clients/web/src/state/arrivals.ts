// A message in a chat that is not the open one is told to who listens: from whom, not what.
import { place } from "../router";
import { announce } from "./announcer";
import { client } from "./client";
import { mySide } from "./role";

client.on("message", ({ chat, message, mine, notify }) => {
  if (mine || !notify || message.sender_id === null) return;
  const { value: at } = place;
  const open = at.name === "chat" ? at.chatId : at.name === "home" && mySide() === "patient" && client.chats.all.length === 1 ? chat.id : null;
  if (open !== chat.id) announce(`New message from ${message.sender_name}`);
});
