// Who is signed in: log-in with second factors and passkeys, refresh with rotation, log-out.
import { Emitter } from "./emitter.js";
import { errorOfFailure, parsed, signedOut, TherapyConnectError } from "./errors.js";
import type { Answer, Bearer, Http } from "./http.js";
import { pause } from "./pause.js";
import { claimsOf, type Tokens, type TokenStore } from "./tokens.js";

const AUTH = "/_allauth/app/v1";
const REFRESH_ATTEMPTS = 4;
/** So that all attempts fit into the 30 s for which the old refresh token is good. */
const REFRESH_SECONDS = 6;
const GOODBYE_SECONDS = 5;
/** Clocks that differ by less are taken to agree. */
const AGREE_MS = 5_000;

/** What a log-in came to: signed in, or the second factor is asked for. */
export type LogIn =
  | { readonly done: true; readonly userId: string }
  | { readonly done: false; readonly factor: SecondFactor };

export interface SessionEvents {
  /** The user's id, or null: signed out, here or by the server. */
  user: string | null;
}

/** The tokens of one user. They go into headers and subprotocols, never into an address. */
export class Session extends Emitter<SessionEvents> implements Bearer {
  #userId: string | null = null;
  #refreshing: Promise<string> | null = null;
  #ahead = 0;

  constructor(
    private readonly http: Http,
    private readonly store: TokenStore,
    private readonly spareSeconds: number,
  ) {
    super();
    store.watch?.(() => void this.restore());
  }

  get userId(): string | null {
    return this.#userId;
  }

  /** Take up what the store holds; the user's id, or null. */
  async restore(): Promise<string | null> {
    const tokens = await this.#held();
    this.#are(tokens === null ? null : claimsOf(tokens.access).userId);
    return this.#userId;
  }

  /** Log in with e-mail and password. */
  async logIn(given: { email: string; password: string }): Promise<LogIn> {
    return this.#begun(await this.auth("POST", "auth/login", { json: given, accept: [401] }));
  }

  /** Log in with a passkey: `ask` gets the request's options and gives what the authenticator said. */
  async logInWithPasskey(ask: (options: unknown) => Promise<unknown>): Promise<LogIn> {
    const begun = parsed((await this.auth("GET", "auth/webauthn/login")).text);
    const credential = await ask(inside(begun, "data", "request_options"));
    const headers = { "X-Session-Token": String(inside(begun, "meta", "session_token")) };
    const answer = await this.auth("POST", "auth/webauthn/login", {
      json: { credential },
      headers,
      accept: [401],
    });
    return this.#begun(answer);
  }

  /** Signed out at once, here and in every tab; then the session is ended at the server, where that can be reached. */
  async logOut(): Promise<void> {
    let tokens = await this.#held();
    await this.store.write(null);
    this.#are(null);
    try {
      // The answer is 401 whether it ended now or the token was too old: the refresh token knows.
      for (let round = 0; tokens !== null && round < 2; round += 1) {
        const headers = { Authorization: `Bearer ${tokens.access}` };
        await this.auth("DELETE", "auth/session", { headers, accept: [401], seconds: GOODBYE_SECONDS });
        tokens = await this.#exchange(tokens, GOODBYE_SECONDS);
      }
    } catch {
      // Ended, or out of reach: its tokens are forgotten, and end of age.
    }
  }

  /** A token that is good for a while yet; refreshed where it is not. */
  async token(): Promise<string> {
    const tokens = await this.#held();
    if (tokens === null) throw this.#ended();
    this.#are(claimsOf(tokens.access).userId);
    return this.#fresh(tokens) ? tokens.access : this.renew(tokens.access);
  }

  /** A newer token than the one refused. However many ask, one refresh at a time is under way. */
  renew(refused: string): Promise<string> {
    this.#refreshing ??= this.#renew(refused).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** Milliseconds until a token should be replaced: before its end, by a clock that may differ from the server's. */
  dueIn(access: string): number {
    const { issued, expires } = claimsOf(access);
    const spare = Math.min(this.spareSeconds * 1000, (expires - issued) / 2);
    return expires + this.#ahead - spare - Date.now();
  }

  /** A route of allauth's, without a token. */
  auth(method: string, route: string, asking: Parameters<Http["once"]>[2] = {}): Promise<Answer> {
    return this.http.once(method, `${AUTH}/${route}`, asking);
  }

  /** A route of allauth's for who is signed in: authenticators, sessions, the password. */
  async authAsked(method: string, route: string, json?: unknown): Promise<Record<string, unknown>> {
    const answer = await this.http.asked(this, method, `${AUTH}/${route}`, { json });
    const body = parsed(answer.text);
    await this.#take(body);
    return body;
  }

  /** What a step of a log-in was answered with. */
  async begun(answer: Answer): Promise<LogIn> {
    return this.#begun(answer);
  }

  async #begun(answer: Answer): Promise<LogIn> {
    const body = parsed(answer.text);
    if (answer.status === 200 && (await this.#take(body)) && this.#userId !== null) {
      return { done: true, userId: this.#userId };
    }
    const pending = inside(body, "meta", "session_token");
    const flows = inside(body, "data", "flows");
    const flow = (Array.isArray(flows) ? (flows as Record<string, unknown>[]) : []).find(
      (one) => one["id"] === "mfa_authenticate",
    );
    if (typeof pending !== "string" || flow === undefined) {
      throw new TherapyConnectError({
        code: "unexpected_answer",
        message: "This log-in asks for a step that is not known here.",
        status: answer.status,
      });
    }
    const types = Array.isArray(flow["types"]) ? (flow["types"] as string[]) : [];
    return { done: false, factor: new SecondFactor(this, pending, types) };
  }

  async #renew(refused: string): Promise<string> {
    const work = async (): Promise<string> => {
      const tokens = await this.#held();
      if (tokens === null) throw this.#ended();
      if (tokens.access !== refused && this.#fresh(tokens)) return tokens.access;
      return await this.#refresh(tokens);
    };
    return this.store.exclusively === undefined ? work() : this.store.exclusively(work);
  }

  /** The old refresh token is good for 30 s more: a lost answer is asked for again, at once. */
  async #refresh(tokens: Tokens): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const fresh = await this.#exchange(tokens);
        const held = await this.#held();
        // Signed out meanwhile, in this tab or another: it stays so.
        if (held === null) throw this.#ended();
        if (held.refresh !== tokens.refresh) return held.access;
        await this.#keep(fresh);
        return fresh.access;
      } catch (cause) {
        const error = errorOfFailure(cause);
        if (error.code === "signed_out") throw error;
        if ([400, 401, 403].includes(error.status)) {
          const held = await this.#held();
          if (held !== null && held.refresh !== tokens.refresh) return held.access;
          await this.store.write(null);
          throw this.#ended();
        }
        if (attempt >= REFRESH_ATTEMPTS || !error.temporary) throw error;
        await pause(Math.min(5, error.retryAfter ?? 0) * 1000 + Math.random() * 300 * 2 ** attempt);
      }
    }
  }

  async #exchange(tokens: Tokens, seconds = REFRESH_SECONDS): Promise<Tokens> {
    const json = { refresh_token: tokens.refresh };
    const data = parsed((await this.auth("POST", "tokens/refresh", { json, seconds })).text)["data"];
    const { access_token, refresh_token } = data as { access_token: string; refresh_token?: string };
    return { access: access_token, refresh: refresh_token ?? tokens.refresh };
  }

  async #take(body: Record<string, unknown>): Promise<boolean> {
    const access = inside(body, "meta", "access_token");
    const refresh = inside(body, "meta", "refresh_token");
    if (typeof access !== "string" || typeof refresh !== "string") return false;
    await this.#keep({ access, refresh });
    this.#are(claimsOf(access).userId);
    return true;
  }

  /** Tokens that were made just now: by their time, how far this clock is ahead. */
  async #keep({ access, refresh }: Tokens): Promise<void> {
    const { issued } = claimsOf(access);
    const ahead = issued === 0 ? 0 : Date.now() - issued;
    this.#ahead = Math.abs(ahead) < AGREE_MS ? 0 : ahead;
    await this.store.write({ access, refresh, ...(this.#ahead === 0 ? {} : { ahead: this.#ahead }) });
  }

  async #held(): Promise<Tokens | null> {
    const tokens = await this.store.read();
    this.#ahead = tokens?.ahead ?? 0;
    return tokens === null || claimsOf(tokens.access).userId === "" ? null : tokens;
  }

  #fresh(tokens: Tokens): boolean {
    return this.dueIn(tokens.access) > 0;
  }

  #ended(): TherapyConnectError {
    this.#are(null);
    return signedOut();
  }

  #are(userId: string | null): void {
    if (userId === this.#userId) return;
    // Another one, signed in at another tab: nothing of the first is left to them.
    if (userId !== null && this.#userId !== null) this.#are(null);
    this.#userId = userId;
    this.emit("user", userId);
  }
}

/** The second step of a log-in. A wrong code throws `incorrect_code`, and may be tried again. */
export class SecondFactor {
  constructor(
    private readonly session: Session,
    private readonly pending: string,
    /** What the account has: `totp`, `recovery_codes`, `webauthn`. */
    readonly types: readonly string[],
  ) {}

  /** Six digits of the authenticator app, or a recovery code. */
  async withCode(code: string): Promise<LogIn> {
    return this.#answered("auth/2fa/authenticate", { code });
  }

  /** A passkey: `ask` gets the request's options and gives what the authenticator said. */
  async withPasskey(ask: (options: unknown) => Promise<unknown>): Promise<LogIn> {
    const headers = { "X-Session-Token": this.pending };
    const begun = await this.session.auth("GET", "auth/webauthn/authenticate", { headers });
    const credential = await ask(inside(parsed(begun.text), "data", "request_options"));
    return this.#answered("auth/webauthn/authenticate", { credential });
  }

  async #answered(route: string, json: unknown): Promise<LogIn> {
    const headers = { "X-Session-Token": this.pending };
    return this.session.begun(await this.session.auth("POST", route, { json, headers }));
  }
}

function inside(body: Record<string, unknown>, ...names: string[]): unknown {
  return names.reduce<unknown>(
    (found, name) =>
      typeof found === "object" && found !== null ? (found as Record<string, unknown>)[name] : undefined,
    body,
  );
}
