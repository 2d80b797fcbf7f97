/** Events by name, each with one value. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** Calls `listener` at each event, until the function that it returns is called. */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** The next event of that name; rejects with the signal's reason where it comes first. */
  once<Name extends keyof Events>(name: Name, signal?: AbortSignal): Promise<Events[Name]> {
    return new Promise((resolve, reject) => {
      const off = this.on(name, (value) => {
        off();
        resolve(value);
      });
      const abort = (): void => {
        off();
        reject(signal?.reason as Error);
      };
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** A listener that throws stops no other one: its error is thrown where nobody waits. */
  protected emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (value: Events[Name]) => void)(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
