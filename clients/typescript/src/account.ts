// One's own sign-in: second factors, passkeys, sessions, the password. The routes are allauth's.
import { parsed } from "./errors.js";
import type { Http } from "./http.js";
import type { Session } from "./session.js";

type Json = Record<string, unknown>;

export interface DeviceSession {
  readonly id: number;
  readonly user_agent: string;
  readonly ip: string;
  readonly created_at: number;
  readonly is_current: boolean;
}

/** A second factor, or a passkey (`webauthn`, which has an id and a name). Times in seconds since 1970. */
export interface Authenticator {
  readonly type: "totp" | "recovery_codes" | "webauthn";
  readonly created_at: number;
  readonly last_used_at: number | null;
  readonly id?: number;
  readonly name?: string;
  /** Of recovery codes: how many were not used yet. */
  readonly unused_code_count?: number;
}

const AUTH = "/_allauth/app/v1";

export class Account {
  constructor(
    private readonly http: Http,
    private readonly session: Session,
  ) {}

  /** Say the password again, which is then good for five minutes: for what threw `reauthentication_required`. */
  async confirm(password: string): Promise<void> {
    await this.session.authAsked("POST", "auth/reauthenticate", { password });
  }

  /** What an authenticator app is given: as letters, and as an address for a QR code. */
  async beginTotp(): Promise<{ secret: string; url: string }> {
    const path = `${AUTH}/account/authenticators/totp`;
    const answer = await this.http.asked(this.session, "GET", path, { accept: [404] });
    const meta = parsed(answer.text)["meta"] as { secret: string; totp_url: string };
    return { secret: meta.secret, url: meta.totp_url };
  }

  /** The app's first code, which makes it count. */
  async activateTotp(code: string): Promise<void> {
    await this.session.authAsked("POST", "account/authenticators/totp", { code });
  }

  async removeTotp(): Promise<void> {
    await this.session.authAsked("DELETE", "account/authenticators/totp");
  }

  /** New ones; the old ones open nothing any more. */
  async renewRecoveryCodes(): Promise<readonly string[]> {
    return codesIn(await this.session.authAsked("POST", "account/authenticators/recovery-codes", {}));
  }

  /** Each opens the account once: to be written down. */
  async recoveryCodes(): Promise<readonly string[]> {
    return codesIn(await this.session.authAsked("GET", "account/authenticators/recovery-codes"));
  }

  /** Enrol a passkey: `create` gets the options and gives what the authenticator made. */
  async addPasskey(name: string, create: (options: unknown) => Promise<unknown>): Promise<void> {
    const route = "account/authenticators/webauthn";
    const begun = await this.session.authAsked("GET", `${route}?passwordless`);
    const credential = await create((begun["data"] as Json)["creation_options"]);
    await this.session.authAsked("POST", route, { name, credential });
  }

  /** All second factors and passkeys, as allauth tells them. */
  async authenticators(): Promise<readonly Authenticator[]> {
    return (await this.session.authAsked("GET", "account/authenticators"))["data"] as Authenticator[];
  }

  async renamePasskey(id: number, name: string): Promise<void> {
    await this.session.authAsked("PUT", "account/authenticators/webauthn", { id, name });
  }

  async removePasskeys(ids: readonly number[]): Promise<void> {
    await this.session.authAsked("DELETE", "account/authenticators/webauthn", { authenticators: ids });
  }

  /** Where one is signed in. */
  async sessions(): Promise<readonly DeviceSession[]> {
    return (await this.session.authAsked("GET", "auth/sessions"))["data"] as DeviceSession[];
  }

  /** Sign out there. */
  async endSessions(ids: readonly number[]): Promise<void> {
    await this.session.authAsked("DELETE", "auth/sessions", { sessions: ids });
  }

  /** Every other session ends with it; this one goes on with new tokens. */
  async changePassword(current_password: string, new_password: string): Promise<void> {
    await this.session.authAsked("POST", "account/password/change", { current_password, new_password });
  }
}

function codesIn(body: Json): readonly string[] {
  return (body["data"] as { unused_codes?: string[] }).unused_codes ?? [];
}
