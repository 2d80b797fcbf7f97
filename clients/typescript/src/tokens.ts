// Where tokens are kept, and who may refresh them: a refresh token is used once.

export interface Tokens {
  readonly access: string;
  readonly refresh: string;
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
    const kept = this.storage.getItem(this.key);
    return Promise.resolve(kept === null ? null : (JSON.parse(kept) as Tokens));
  }

  write(tokens: Tokens | null): Promise<void> {
    if (tokens === null) this.storage.removeItem(this.key);
    else this.storage.setItem(this.key, JSON.stringify(tokens));
    return Promise.resolve();
  }

  exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const locks = (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks;
    return locks === undefined ? work() : locks.request(this.key, work) as Promise<Result>;
  }

  watch(changed: () => void): () => void {
    const heard = (event: StorageEvent): void => {
      if (event.key === this.key || event.key === null) changed();
    };
    globalThis.addEventListener?.("storage", heard);
    return () => globalThis.removeEventListener?.("storage", heard);
  }
}

/** What an access token says of itself: whose it is, and its end in milliseconds. Not verified here. */
export function claimsOf(access: string): { userId: string; expires: number } {
  const part = access.split(".")[1] ?? "";
  const json = atob(part.replace(/-/g, "+").replace(/_/g, "/"));
  const claims = JSON.parse(json) as { sub?: string; exp?: number };
  return { userId: claims.sub ?? "", expires: (claims.exp ?? 0) * 1000 };
}
