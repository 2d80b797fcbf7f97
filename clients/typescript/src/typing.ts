// Typing, both ways: told at most every three seconds, believed for five.
import { Since } from "./pause.js";

const AGAIN_MS = 3_000;
const EXPIRES_MS = 5_000;

export class TypingOut {
  #told: Since | null = null;
  #idle: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly say: (isTyping: boolean) => void) {}

  /** Call at each key stroke; ends by itself, or with false. */
  type(isTyping: boolean): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    if (!isTyping) {
      if (this.#told !== null) this.say(false);
      this.#told = null;
      return;
    }
    if (this.#told === null || this.#told.milliseconds >= AGAIN_MS) {
      this.#told = new Since();
      this.say(true);
    }
    this.#idle = setTimeout(() => this.type(false), EXPIRES_MS);
  }
}

export class TypingIn {
  #on = false;
  #end: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly changed: (isTyping: boolean) => void) {}

  get on(): boolean {
    return this.#on;
  }

  heard(isTyping: boolean): void {
    if (this.#end !== null) clearTimeout(this.#end);
    this.#end = isTyping ? setTimeout(() => this.heard(false), EXPIRES_MS) : null;
    if (this.#on === isTyping) return;
    this.#on = isTyping;
    this.changed(isTyping);
  }
}
