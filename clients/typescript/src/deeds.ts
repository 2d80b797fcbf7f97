// What one does with the messages of a chat.
import type { Page } from "./api.js";
import type { Around, ChatEvents } from "./chat-events.js";
import { Emitter } from "./emitter.js";
import type { AppointmentAnswer, Message, MessageVersion, SentMessage } from "./types.js";

export abstract class Deeds extends Emitter<ChatEvents> {
  protected abstract readonly around: Around;
  abstract get id(): string;
  /** Hold what a deed was answered with. */
  protected abstract took(message: Message): void;

  /** The earlier versions of a message. */
  versions(messageId: string): Promise<Page<MessageVersion>> {
    return this.around.api.get("/api/messages/{id}/history/", { path: { id: messageId } });
  }

  /** What holds these letters, newest first; follow the pages with `client.api.again(page, {q, chat_id})`. */
  search(q: string, signal?: AbortSignal): Promise<Page<Message>> {
    return this.around.api.post("/api/messages/search/", {
      body: { q, chat_id: this.id },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async edit(messageId: string, text: string): Promise<Message> {
    const path = { id: messageId };
    return this.#took(await this.around.api.post("/api/messages/{id}/edit_message/", { path, body: { text } }));
  }

  async deleteMessage(messageId: string): Promise<Message> {
    return this.#took(await this.around.api.post("/api/messages/{id}/delete_message/", { path: { id: messageId } }));
  }

  async restoreMessage(messageId: string): Promise<Message> {
    return this.#took(await this.around.api.post("/api/messages/{id}/restore_message/", { path: { id: messageId } }));
  }

  /** Mark one's own message urgent; a patient's raises the alert, and the answer says whom to call. */
  async flag(messageId: string): Promise<SentMessage> {
    const flagged = await this.around.api.post("/api/messages/{id}/mark_emergency/", { path: { id: messageId } });
    this.#took(flagged);
    return flagged;
  }

  /** Answer an appointment: accept, decline, reschedule (with times), cancel. */
  async answer(messageId: string, body: AppointmentAnswer): Promise<Message> {
    return this.#took(await this.around.api.post("/api/messages/{id}/answer/", { path: { id: messageId }, body }));
  }

  /** An appointment as a calendar file (RFC 5545), with a neutral summary. */
  calendar(messageId: string): Promise<string> {
    return this.around.api.calendar(messageId);
  }

  #took(message: Message): Message {
    this.took(message);
    return message;
  }
}
