// Who is signed in: log-in with second factors and passkeys, refresh with rotation, log-out.
import { Emitter } from "./emitter.js";
import { errorOfFailure, parsed, TherapyConnectError } from "./errors.js";
import type { Answer, Bearer, Http } from "./http.js";
import { pause } from "./pause.js";
import { claimsOf, type Tokens, type TokenStore } from "./tokens.js";

const AUTH = "/_allauth/app/v1";
const REFRESH_ATTEMPTS = 4;

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
    const tokens = await this.store.read();
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

  /** End the session, at the server too where it can be reached; the tokens are gone either way. */
  async logOut(): Promise<void> {
    try {
      await this.authAsked("DELETE", "auth/session");
    } catch {
      // Ended already, or out of reach: its tokens die with the store, and of age.
    } finally {
      await this.store.write(null);
      this.#are(null);
    }
  }

  /** A token that is good for a while yet; refreshed where it is not. */
  async token(): Promise<string> {
    const tokens = await this.store.read();
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
      const tokens = await this.store.read();
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
        const answer = await this.auth("POST", "tokens/refresh", {
          json: { refresh_token: tokens.refresh },
        });
        const data = parsed(answer.text)["data"] as { access_token: string; refresh_token?: string };
        const fresh = { access: data.access_token, refresh: data.refresh_token ?? tokens.refresh };
        await this.store.write(fresh);
        return fresh.access;
      } catch (cause) {
        const error = errorOfFailure(cause);
        if ([400, 401, 403].includes(error.status)) {
          await this.store.write(null);
          this.#are(null);
          throw this.#ended();
        }
        if (attempt >= REFRESH_ATTEMPTS || !error.temporary) throw error;
        await pause(Math.min(5, error.retryAfter ?? 0) * 1000 + Math.random() * 300 * 2 ** attempt);
      }
    }
  }

  async #take(body: Record<string, unknown>): Promise<boolean> {
    const access = inside(body, "meta", "access_token");
    const refresh = inside(body, "meta", "refresh_token");
    if (typeof access !== "string" || typeof refresh !== "string") return false;
    await this.store.write({ access, refresh });
    this.#are(claimsOf(access).userId);
    return true;
  }

  #fresh(tokens: Tokens): boolean {
    return claimsOf(tokens.access).expires - Date.now() > this.spareSeconds * 1000;
  }

  #ended(): TherapyConnectError {
    this.#are(null);
    return new TherapyConnectError({ code: "signed_out", message: "Nobody is signed in.", status: 401 });
  }

  #are(userId: string | null): void {
    if (userId === this.#userId) return;
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
