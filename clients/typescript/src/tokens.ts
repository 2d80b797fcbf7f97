// Where tokens are kept, and who may refresh them: a refresh token is used once.
import { inTurn } from "./queue-store.js";

export interface Tokens {
  readonly access: string;
  readonly refresh: string;
  /** Milliseconds by which this device's clock was ahead of the server's when they came. */
  readonly ahead?: number;
}

/** Where one user's tokens are kept. Tabs that share a store share one session. */
export interface TokenStore {
  read(): Promise<Tokens | null>;
  write(tokens: Tokens | null): Promise<void>;
  /** Runs `work` while no other tab does; without it only this client's own refreshes take turns. */
  exclusively?<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Calls back when another tab wrote; returns how to stop. */
  watch?(changed: () => void): () => void;
}

/** Kept as long as the page. */
export class MemoryTokenStore implements TokenStore {
  #tokens: Tokens | null;

  constructor(tokens: Tokens | null = null) {
    this.#tokens = tokens;
  }

  read(): Promise<Tokens | null> {
    return Promise.resolve(this.#tokens);
  }

  write(tokens: Tokens | null): Promise<void> {
    this.#tokens = tokens;
    return Promise.resolve();
  }
}

/**
 * In a browser's `localStorage` or `sessionStorage`; tabs take turns through `navigator.locks`. What
 * can run a script in your page can read it: serve a strict Content-Security-Policy.
 */
export class WebTokenStore implements TokenStore {
  constructor(
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> = localStorage,
    private readonly key = "therapyconnect.tokens",
  ) {}

  read(): Promise<Tokens | null> {
    try {
      const kept = JSON.parse(this.storage.getItem(this.key) ?? "null") as Tokens | null;
      return Promise.resolve(typeof kept?.access === "string" ? kept : null);
    } catch {
      return Promise.resolve(null); // not ours
    }
  }

  write(tokens: Tokens | null): Promise<void> {
    if (tokens === null) this.storage.removeItem(this.key);
    else this.storage.setItem(this.key, JSON.stringify(tokens));
    return Promise.resolve();
  }

  exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    return inTurn(this.key, work);
  }

  watch(changed: () => void): () => void {
    const heard = (event: StorageEvent): void => {
      if (event.key === this.key || event.key === null) changed();
    };
    globalThis.addEventListener?.("storage", heard);
    return () => globalThis.removeEventListener?.("storage", heard);
  }
}

/** What an access token says of itself: whose it is (empty: it is none), its times in milliseconds. Not verified here. */
export function claimsOf(access: string): { userId: string; issued: number; expires: number } {
  let claims: { sub?: string; iat?: number; exp?: number };
  try {
    const part = access.split(".")[1] ?? "";
    claims = JSON.parse(atob(part.replace(/-/g, "+").replace(/_/g, "/"))) as typeof claims;
  } catch {
    claims = {};
  }
  return { userId: claims.sub ?? "", issued: (claims.iat ?? 0) * 1000, expires: (claims.exp ?? 0) * 1000 };
}
