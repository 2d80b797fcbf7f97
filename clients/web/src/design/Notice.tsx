import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icons";

interface Props {
  readonly kind?: "calm" | "warn" | "danger";
  readonly icon?: IconName;
  readonly children: ComponentChildren;
}

/** A plain sentence that stays where it is. */
export function Notice({ kind = "calm", icon, children }: Props): JSX.Element {
  return (
    <div class={`notice ${kind}`}>
      {icon !== undefined && <Icon name={icon} />}
      <div class="grow">{children}</div>
    </div>
  );
}

/** What went wrong, said at once to who can't see it. Always rendered, so that it is heard. */
export function Problem({ text }: { text: string | null }): JSX.Element {
  return (
    <div role="alert">
      {text !== null && (
        <Notice kind="danger" icon="alert">
          {text}
        </Notice>
      )}
    </div>
  );
}
