// A screen that is seldom opened, in a file of its own: fetched at leisure, or when it is asked for.
import { signal } from "@preact/signals";
import type { ComponentChildren, ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Notice } from "./Notice";

interface Later<Props> {
  readonly Screen: ComponentType<Props>;
  /** So that it is at hand, also without a line to the server. */
  readonly fetch: () => Promise<void>;
}

/** `meanwhile` is what must be possible before it is there. */
export function later<Props extends object>(load: () => Promise<ComponentType<Props>>, title: string, meanwhile?: () => ComponentChildren): Later<Props> {
  const here = signal<ComponentType<Props> | null>(null);
  const failed = signal(false);
  const fetch = async (): Promise<void> => {
    if (here.peek() !== null) return;
    failed.value = false;
    try {
      here.value = await load();
    } catch {
      failed.value = true;
    }
  };
  const Screen = (props: Props): JSX.Element => {
    useEffect(() => void fetch(), []);
    const Here = here.value;
    if (Here !== null) return <Here {...props} />;
    return (
      <div class="page">
        <div class="inner stack" aria-busy={!failed.value}>
          <h1>{title}</h1>
          {failed.value && (
            <Notice kind="warn" icon="alert">
              This page could not be loaded: you are offline, or the clinic runs a newer version.{" "}
              <button type="button" class="link" onClick={() => location.reload()}>
                Load it again
              </button>
            </Notice>
          )}
          {meanwhile?.()}
        </div>
      </div>
    );
  };
  return { Screen, fetch };
}
